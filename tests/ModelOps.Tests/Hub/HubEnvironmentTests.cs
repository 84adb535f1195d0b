using Xunit;

namespace ModelOps.Tests.Hub;

/// <summary>The variables that hub tools share mean here what they mean there.</summary>
public sealed class HubEnvironmentTests
{
    [Fact]
    public void EndpointDefaultsToTheHub()
    {
        HubOptions options = HubOptions.FromEnvironment(Reader([]));
        Assert.Equal(new Uri("https://huggingface.co"), options.Endpoint);
        Assert.Null(options.Token);
        Assert.False(options.Offline);
    }

    [Fact]
    public void BadEndpointIsRefused() =>
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => HubOptions.FromEnvironment(Reader(new() { ["HF_ENDPOINT"] = "huggingface.co" }))).Kind);

    [Theory]
    [InlineData("https://hub.example", "hf_secret")]
    [InlineData("https://HUB.example:443/mirror", "hf_secret")]
    [InlineData("http://hub.example", null)]
    [InlineData("https://hub.example:8443", null)]
    [InlineData("https://other.example", null)]
    public void TokenStaysWithItsHub(string endpoint, string? token)
    {
        HubOptions options = HubOptions.FromEnvironment(Reader(new() { ["HF_ENDPOINT"] = "https://hub.example", ["HF_TOKEN"] = "hf_secret" })).WithEndpoint(new Uri(endpoint));
        Assert.Equal(new Uri(endpoint), options.Endpoint);
        Assert.Equal(token, options.Token);
    }

    [Fact]
    public void AnotherHubHasAWebAddress() =>
        Assert.All([new Uri("/models", UriKind.Relative), new Uri("file:///models")], address =>
            Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => HubOptions.FromEnvironment(Reader([])).WithEndpoint(address)).Kind));

    [Theory]
    [InlineData("HF_HUB_OFFLINE", "1", true)]
    [InlineData("TRANSFORMERS_OFFLINE", "yes", true)]
    [InlineData("HF_HUB_OFFLINE", "0", false)]
    public void OfflineIsOneOfTheWordsForYes(string name, string value, bool expected) =>
        Assert.Equal(expected, HubOptions.FromEnvironment(Reader(new() { [name] = value })).Offline);

    [Fact]
    public void TokenComesFromTheVariableThenTheOlderOneThenTheFile()
    {
        string home = Directory.CreateTempSubdirectory("modelops-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(home, "token"), "hf_file\n");
            var variables = new Dictionary<string, string> { ["HF_HOME"] = home };
            Assert.Equal("hf_file", HubOptions.FromEnvironment(Reader(variables)).Token);
            variables["HUGGING_FACE_HUB_TOKEN"] = "hf_old";
            Assert.Equal("hf_old", HubOptions.FromEnvironment(Reader(variables)).Token);
            variables["HF_TOKEN"] = " hf_new ";
            Assert.Equal("hf_new", HubOptions.FromEnvironment(Reader(variables)).Token);
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }
    }

    private static Func<string, string?> Reader(Dictionary<string, string> variables)
    {
        // A home without a token file, whoever runs the test.
        variables.TryAdd("HF_HOME", Path.Combine(Path.GetTempPath(), "modelops-no-such-home"));
        return name => variables.GetValueOrDefault(name);
    }
}
