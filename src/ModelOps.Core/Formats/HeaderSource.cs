namespace ModelOps.Formats;

/// <summary>Opens a model file for its header.</summary>
internal static class HeaderSource
{
    public static FileStream Open(string path)
    {
        if (File.Exists(path) && !PlainFile.HasBytes(path))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{path}' is empty, or a pipe or device.", "Name a model's file. What comes out of a pipe must be saved first.");
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 1 << 16);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no file '{path}'.", "Check the path.", exception);
        }
        catch (Exception exception) when (exception is UnauthorizedAccessException or IOException or ArgumentException or NotSupportedException)
        {
            throw Directory.Exists(path)
                ? new ModelOpsException(ErrorKind.FileNotFound, $"'{path}' is a folder, not a file.", "Name the file inside it.", exception)
                : new ModelOpsException(ErrorKind.Failure, $"'{path}' cannot be read: {exception.Message}", "Check the path and its permissions.", exception);
        }
    }
}
