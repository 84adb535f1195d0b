namespace ModelOps.Tests.Hardware;

/// <summary>A folder that stands for <c>/</c>, with the kernel's files that a test wants to be there.</summary>
internal sealed class FakeRoot : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("modelops-root-").FullName;

    public FakeRoot Add(string path, string text)
    {
        var file = System.IO.Path.Combine(Path, path);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
        return this;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
