using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary><c>modelops convert</c> with overrides of a recipe and recipe files.</summary>
public sealed class RecipeCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _source = Path.Combine(TestPaths.Golden("llama"), "official.bf16.gguf");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Plan_HasTheRecipe_AndGivenBack_MakesTheSameFile()
    {
        string[] options = ["--type", "q4_k_m", "--tensor-type", "ffn_down=q8_0", "--tensor-type", "attn=Q5_1", "--output-type", "F16", "--embedding-type", "Q8_0", "--prune-layers", "1"];
        var plan = await JsonAsync(["convert", _source, .. options, "--output", "plan.gguf", "--dry-run"]);
        var recipe = plan.GetProperty("recipe");
        Assert.Equal("Q4_K_M", recipe.GetProperty("type").GetString());
        Assert.Equal(["ffn_down", "attn"], recipe.GetProperty("overrides").GetProperty("tensorTypes").EnumerateArray().Select(tensor => tensor.GetProperty("pattern").GetString()));
        var fallback = plan.GetProperty("fallbacks").EnumerateArray().First();
        Assert.Equal(("Q4_K", "Q5_0", 1), (fallback.GetProperty("wanted").GetString(), fallback.GetProperty("type").GetString(), fallback.GetProperty("extraBitsPerWeight").GetDouble()));
        Assert.Equal(plan.GetProperty("fallbacks").EnumerateArray().Sum(entry => entry.GetProperty("extraBytes").GetInt64()), plan.GetProperty("fallbackBytes").GetInt64());
        Assert.False(File.Exists(_folder.File("plan.gguf")));

        var result = await JsonAsync(["convert", _source, .. options, "--output", "one.gguf"]);
        // The plan as it was printed, its recipe alone, and the result.
        foreach (var (name, text) in new[] { ("plan.json", plan.GetRawText()), ("recipe.json", recipe.GetRawText()), ("result.json", result.GetRawText()) })
        {
            await File.WriteAllTextAsync(_folder.File(name), text, TestContext.Current.CancellationToken);
            await JsonAsync(["convert", _source, "--recipe", name, "--output", "two.gguf", "--force"]);
            Assert.True(File.ReadAllBytes(_folder.File("one.gguf")).AsSpan().SequenceEqual(File.ReadAllBytes(_folder.File("two.gguf"))), name);
        }
    }

    [Fact]
    public async Task CommandLine_GoesBeforeTheFile()
    {
        await File.WriteAllTextAsync(_folder.File("recipe.json"), """{ "version": 1, "type": "Q4_0", "overrides": { "tensorTypes": [{ "pattern": "ffn", "type": "Q5_0" }], "outputType": "F16", "pure": true } }""", TestContext.Current.CancellationToken);
        var plan = await JsonAsync(["convert", _source, "--recipe", "recipe.json", "--type", "Q4_1", "--tensor-type", "ffn_up=Q8_0", "--output-type", "Q8_0", "--output", "never.gguf", "--dry-run"]);
        var types = plan.GetProperty("tensors").EnumerateArray().ToDictionary(tensor => tensor.GetProperty("name").GetString()!, tensor => tensor.GetProperty("type").GetString());
        Assert.Equal(("Q8_0", "Q5_0", "Q8_0", "Q4_1"), (types["blk.0.ffn_up.weight"], types["blk.0.ffn_down.weight"], types["output.weight"], types["blk.0.attn_q.weight"]));
    }

    [Fact]
    public async Task Plan_ForPeople_ShowsRecipeAndFallbacks_AndWarns()
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["convert", _source, "--type", "Q4_K_M", "--tensor-type", "ffn_dwon=Q8_0", "--pure", "--output", "never.gguf", "--dry-run"]);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("Q4_K_M, ffn_dwon=Q8_0, pure", outcome.Out);
        Assert.Matches(@"blocks do not fit +16 tensors, 1\d\.\d KiB more", outcome.Out);
        Assert.Matches(@"64 +Q4_K +Q5_0 +14 +1\.00", outcome.Out);
        Assert.Contains("'ffn_dwon' is found in no tensor's name", outcome.Error);
    }

    [Theory]
    [InlineData(1, "UnsupportedType", "--type", "Q4_K_M", "--no-fallback")]
    [InlineData(1, "UnsupportedType", "--type", "Q4_0", "--tensor-type", "attn=Q9")]
    [InlineData(1, "UnsupportedType", "--type", "Q4_0", "--output-type", "Q9")]
    [InlineData(2, "InvalidArgument", "--type", "Q4_0", "--tensor-type", "attn")]
    [InlineData(2, "InvalidArgument", "--type", "Q4_0", "--tensor-type", "(=Q8_0")]
    [InlineData(2, "InvalidArgument", "--type", "Q4_0", "--prune-layers", "x")]
    [InlineData(2, "InvalidArgument", "--type", "Q4_0", "--prune-layers", "5")]
    [InlineData(2, "InvalidArgument", "--tensor-type", "attn=Q8_0")]
    [InlineData(3, "FileNotFound", "--recipe", "none.json")]
    public async Task NonsenseIsRefused(int exitCode, string id, params string[] options)
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["convert", _source, .. options, "--output", "never.gguf", "--format", "json"]);
        Assert.Equal(exitCode, outcome.ExitCode);
        using var error = JsonDocument.Parse(outcome.Out);
        Assert.Equal(id, error.RootElement.GetProperty("error").GetProperty("id").GetString());
        Assert.Empty(Directory.EnumerateFiles(_folder.Path));
    }

    private async Task<JsonElement> JsonAsync(string[] arguments)
    {
        var outcome = await InProcess.RunAsync(_folder.Path, [.. arguments, "--format", "json"]);
        Assert.True(outcome.ExitCode == 0, outcome.Out + outcome.Error);
        using var document = JsonDocument.Parse(outcome.Out);
        return document.RootElement.Clone();
    }
}
