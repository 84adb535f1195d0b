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

    [Theory]
    [InlineData(null, 30)]
    [InlineData("10", 10)]
    [InlineData(" 2.5 ", 2.5)]
    public void DownloadTimeoutIsInSeconds(string? text, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), HubOptions.FromEnvironment(Reader(text is null ? [] : new() { ["HF_HUB_DOWNLOAD_TIMEOUT"] = text })).StallTimeout);

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("ten")]
    [InlineData("1e9")]
    public void BadDownloadTimeoutIsRefused(string text) =>
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => HubOptions.FromEnvironment(Reader(new() { ["HF_HUB_DOWNLOAD_TIMEOUT"] = text }))).Kind);

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

    /// <summary>The older variable counts only where the newer is not set (huggingface_hub's constants.py).</summary>
    [Fact]
    public void NewerVariableForOfflineGoesBeforeTheOlder()
    {
        Assert.False(HubOptions.FromEnvironment(Reader(new() { ["HF_HUB_OFFLINE"] = "0", ["TRANSFORMERS_OFFLINE"] = "1" })).Offline);
        Assert.True(HubOptions.FromEnvironment(Reader(new() { ["HF_HUB_OFFLINE"] = "", ["TRANSFORMERS_OFFLINE"] = "1" })).Offline);
    }

    [Fact]
    public void TokenIsNotSentUnaskedWhereTheVariableForbidsIt()
    {
        HubOptions options = HubOptions.FromEnvironment(Reader(new() { ["HF_TOKEN"] = "hf_secret", ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1" }));
        Assert.Equal((null, null), (options.Token, options.TokenSource));
    }

    [Fact]
    public void VariablesInPathsAreExpanded()
    {
        string home = Path.Combine(Path.GetTempPath(), "x");
        Assert.Equal(Path.Combine(home, "cache", "hub"), StoreOptions.FromEnvironment(Reader(new() { ["PLACE"] = home, ["HF_HOME"] = "${PLACE}/cache" })).Directory.Replace('/', Path.DirectorySeparatorChar));
        Assert.Equal(Path.Combine(home, "c", "$NOWHERE"), StoreOptions.FromEnvironment(Reader(new() { ["PLACE"] = home, ["HF_HUB_CACHE"] = "$PLACE/c/$NOWHERE" })).Directory.Replace('/', Path.DirectorySeparatorChar));
    }

    [Fact]
    public void TimeoutsAreSeconds()
    {
        HubOptions options = HubOptions.FromEnvironment(Reader(new() { ["HF_HUB_ETAG_TIMEOUT"] = "7", ["HF_HUB_DOWNLOAD_TIMEOUT"] = "9" }));
        Assert.Equal((TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(9)), (options.AnswerTimeout, options.StallTimeout));
        ModelOpsException e = Assert.Throws<ModelOpsException>(() => HubOptions.FromEnvironment(Reader(new() { ["HF_HUB_ETAG_TIMEOUT"] = "soon" })));
        Assert.Contains("HF_HUB_ETAG_TIMEOUT", e.Message);
    }

    [Fact]
    public void TokenComesFromTheVariableThenTheOlderOneThenTheFile()
    {
        string home = Directory.CreateTempSubdirectory("modelops-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(home, "token"), "hf_file\n");
            var variables = new Dictionary<string, string> { ["HF_HOME"] = home };
            Assert.Equal("hf_file", HubOptions.FromEnvironment(Reader(variables)).Token);
            Assert.Equal($"the file {Path.Combine(home, "token")}", HubOptions.FromEnvironment(Reader(variables)).TokenSource);
            variables["HUGGING_FACE_HUB_TOKEN"] = "hf_old";
            Assert.Equal("hf_old", HubOptions.FromEnvironment(Reader(variables)).Token);
            variables["HF_TOKEN"] = " hf_new ";
            Assert.Equal(("hf_new", "HF_TOKEN"), (HubOptions.FromEnvironment(Reader(variables)).Token, HubOptions.FromEnvironment(Reader(variables)).TokenSource));
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
