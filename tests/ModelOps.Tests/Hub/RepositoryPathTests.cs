using ModelOps.Hub;
using Xunit;

namespace ModelOps.Tests.Hub;

/// <summary>Paths of a remote tree are hostile.</summary>
public sealed class RepositoryPathTests
{
    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("BF16/model-00001-of-00002.gguf")]
    [InlineData(".gitattributes")]
    [InlineData("1_Pooling/config.json")]
    [InlineData("console.json")]
    public void OrdinaryPathIsFine(string path) => Assert.Null(RepositoryPath.Problem(path));

    [Theory]
    [InlineData("")]
    [InlineData("/etc/passwd")]
    [InlineData("../x")]
    [InlineData("a/../../x")]
    [InlineData("a/./b")]
    [InlineData("a//b")]
    [InlineData("a/")]
    [InlineData("..\\x")]
    [InlineData("C:\\x")]
    [InlineData("C:x")]
    [InlineData("a/file.txt:stream")]
    [InlineData("NUL")]
    [InlineData("a/con.json")]
    [InlineData("LPT1.gguf")]
    [InlineData("COM¹")]
    [InlineData("a/b.")]
    [InlineData("a/b ")]
    [InlineData("a\0b")]
    [InlineData("a\nb")]
    public void HostilePathIsRefused(string path) => Assert.NotNull(RepositoryPath.Problem(path));
}
