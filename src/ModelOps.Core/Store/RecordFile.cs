namespace ModelOps.Store;

/// <summary>Small files that are replaced in one step: a reader, or a kill, sees the old or the new one.</summary>
internal static class RecordFile
{
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // Two processes may write the same record at once.
        string next = $"{path}.{Guid.NewGuid().ToString("n")[..8]}.incomplete";
        try
        {
            File.WriteAllBytes(next, content);
            File.Move(next, path, overwrite: true);
        }
        catch
        {
            File.Delete(next);
            throw;
        }
    }
}
