using ModelOps.Engine;
using ModelOps.Tests.Fit;
using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>Stubs of processes that were killed are cleared away, and nobody else's.</summary>
public sealed class HeaderStubTests : IDisposable
{
    private static readonly DateTime LongAgo = DateTime.UtcNow.AddHours(-1);

    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-sweep-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Left(string name, params string[] files)
    {
        var stub = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        foreach (var file in files)
        {
            File.WriteAllText(Path.Combine(stub, file), "");
        }
        Directory.SetLastWriteTimeUtc(stub, LongAgo);
        return stub;
    }

    [Fact]
    public void WhatNobodyHoldsIsDeletedAndWhatIsHeldStays()
    {
        var dead = Left("modelops-stub-dead", "stub.gguf", "lock");
        var older = Left("modelops-stub-older", "stub.gguf");
        var held = Left("modelops-stub-held", "stub.gguf", "lock");
        var foreign = Left("modelops-stub-foreign", "stub.gguf", "lock", "thesis.txt");
        var other = Left("modelops-other", "stub.gguf", "lock");
        var young = Left("modelops-stub-young", "stub.gguf");
        Directory.SetLastWriteTimeUtc(young, DateTime.UtcNow);
        using (new FileStream(Path.Combine(held, "lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            HeaderStub.Sweep(_folder);
            Assert.True(File.Exists(Path.Combine(held, "stub.gguf")));
        }
        Assert.False(Directory.Exists(dead));
        Assert.False(Directory.Exists(older));
        Assert.True(File.Exists(Path.Combine(foreign, "thesis.txt")));
        Assert.True(File.Exists(Path.Combine(other, "stub.gguf")));
        Assert.True(File.Exists(Path.Combine(young, "stub.gguf")));
    }

    [Fact]
    public void AStubInUseIsNotSwept()
    {
        var layout = SyntheticModels.Header("Llama-3-8B");
        using var stub = HeaderStub.Create(ModelHeader.Of(GgufFile.Read(new MemoryStream(layout.Header.ToArray()), layout.FileBytes)));
        Directory.SetLastWriteTimeUtc(Path.GetDirectoryName(stub.Path)!, LongAgo);
        HeaderStub.Sweep(Path.GetTempPath());
        Assert.True(File.Exists(stub.Path));
    }
}
