namespace ModelOps.Tests.Conversion;

/// <summary>A folder that is gone after the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("modelops-conversion-");

    public string Path => _folder.FullName;

    public string File(string name) => System.IO.Path.GetFullPath(System.IO.Path.Combine(Path, name));

    /// <summary>A copy of a checkpoint that a test may break. The folder's name is kept, as it names the model.</summary>
    public string CopyOf(string checkpoint)
    {
        var copy = Directory.CreateDirectory(File(System.IO.Path.GetFileName(checkpoint))).FullName;
        foreach (var file in Directory.EnumerateFiles(checkpoint, "*", SearchOption.AllDirectories))
        {
            var target = System.IO.Path.Combine(copy, System.IO.Path.GetRelativePath(checkpoint, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            System.IO.File.Copy(file, target);
        }
        return copy;
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
