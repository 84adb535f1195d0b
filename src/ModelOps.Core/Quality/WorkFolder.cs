namespace ModelOps.Quality;

/// <summary>A folder for large files, gone when it is disposed of.</summary>
internal sealed class WorkFolder : IDisposable
{
    private readonly string _path;

    private WorkFolder(string path) => _path = path;

    public static WorkFolder Create(string? parent)
    {
        if (parent is null)
        {
            return new WorkFolder(Directory.CreateTempSubdirectory("modelops-").FullName);
        }
        if (!Directory.Exists(parent))
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no folder {parent} to work in.");
        }
        return new WorkFolder(Directory.CreateDirectory(Path.Combine(Path.GetFullPath(parent), $"modelops-{Path.GetRandomFileName()}")).FullName);
    }

    public string File(string name) => Path.Combine(_path, name);

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
