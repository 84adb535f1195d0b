using System.Text.Json;
using ModelOps.Cli;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>What the command line accepts.</summary>
public sealed class CommandLineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("org/repo", "org/repo", null)]
    [InlineData("org/repo:Q4_K_M", "org/repo", "Q4_K_M")]
    [InlineData("TheOrg/Some-Model-1.5_b-GGUF:safetensors", "TheOrg/Some-Model-1.5_b-GGUF", "safetensors")]
    [InlineData("org/repo:sub/model-Q4_0", "org/repo", "sub/model-Q4_0")] // two models of one quantization: their paths tell them apart
    public void ModelNamesAreUnderstood(string text, string repository, string? variant)
        => Assert.Equal(new ModelName(repository, variant), ModelName.TryParse(text));

    [Theory]
    [InlineData("org/re--po")]
    [InlineData("../repo")]
    [InlineData("a/b/c")]
    [InlineData("org/repo:")]
    [InlineData("./org/repo")]
    [InlineData("C:\\models")]
    public void OtherTextIsNoRepository(string text) => Assert.Null(ModelName.TryParse(text));

    [Fact]
    public void TwoVariantsContradict()
    {
        Assert.Equal("Q4_0", ModelName.Parse("org/repo", "Q4_0").Variant);
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => ModelName.Parse("org/repo:Q4_0", "Q8_0")).Kind);
    }

    [Fact]
    public async Task UnknownCommandIsNamed()
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["frobnicate"]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("'frobnicate'", outcome.Error);
    }

    [Theory]
    [InlineData("--max-tokens", "many")]
    [InlineData("--max-tokens", "0")]
    [InlineData("--context", "1.5")]
    [InlineData("--temperature", "warm")]
    [InlineData("--temperature", "-1")]
    [InlineData("--top-p", "1.5")]
    [InlineData("--top-k", "few")]
    [InlineData("--seed", "-1")]
    [InlineData("--gpu-layers", "some")]
    public async Task BadNumberIsAUsageErrorInPlainWords(string option, string value)
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["run", "nowhere.gguf", "hello", option, value]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains(option, outcome.Error);
        Assert.DoesNotContain("System.", outcome.Error);
    }

    [Theory]
    [InlineData("--temperature", "0.7")]
    [InlineData("--top-p", ".9")]
    [InlineData("--gpu-layers", "ALL")]
    [InlineData("--max-tokens", "1")]
    public async Task GoodNumberIsTaken(string option, string value)
        => Assert.Equal(3, (await InProcess.RunAsync(_folder.Path, ["run", "nowhere.gguf", "hello", option, value])).ExitCode);

    [Theory]
    [InlineData(2, "info", "--verbos")]
    [InlineData(2, "run", "nowhere.gguf", "--temprature")]
    [InlineData(3, "info", "--", "--verbos")]
    [InlineData(3, "run", "nowhere.gguf", "hello", "--stop", "--x")]
    public async Task MistypedOptionIsNoModel(int exitCode, params string[] args)
    {
        var outcome = await InProcess.RunAsync(_folder.Path, args);

        Assert.Equal(exitCode, outcome.ExitCode);
        Assert.Equal(exitCode == 2, outcome.Error.Contains($"no option '{args[^1]}'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task HelpShowsDefaultsAndTypesAsOneWritesThem()
    {
        var run = await InProcess.RunAsync(_folder.Path, ["run", "--help"]);
        var convert = await InProcess.RunAsync(_folder.Path, ["convert", "--help"]);

        Assert.Contains("[default: auto]", run.Out);
        Assert.All(Recipe.All, recipe => Assert.Contains(recipe.Name, convert.Out));
    }

    [Fact]
    public async Task AVisionTowerIsConvertedByItself()
    {
        var checkpoint = Path.Combine(TestPaths.Golden("gemma3-vision"), "hf");
        var text = await InProcess.RunAsync(_folder.Path, ["convert", checkpoint, "--type", "bf16", "--format", "json"]);
        Assert.Contains("--mmproj", JsonDocument.Parse(text.Out).RootElement.GetProperty("notes")[0].GetString());

        var outcome = await InProcess.RunAsync(_folder.Path, ["convert", checkpoint, "--type", "bf16", "--mmproj", "--no-provenance", "--format", "json"]);
        Assert.Empty(JsonDocument.Parse(outcome.Out).RootElement.GetProperty("notes").EnumerateArray());
        Assert.Equal(
            await File.ReadAllBytesAsync(Path.Combine(TestPaths.Golden("gemma3-vision"), "official.mmproj.bf16.gguf")),
            await File.ReadAllBytesAsync(Path.Combine(_folder.Path, "mmproj-hf-BF16.gguf")));

        var info = await InProcess.RunAsync(_folder.Path, ["info", "mmproj-hf-BF16.gguf"]);
        Assert.Contains("clip.projector_type", info.Out);
        var fit = await InProcess.RunAsync(_folder.Path, ["fit", "mmproj-hf-BF16.gguf", "--context", "64"]);
        Assert.Equal(2, fit.ExitCode);
        Assert.Contains("is not a language model", fit.Error);
    }

    [Fact]
    public async Task ArchitecturesAreListedWithWhatIsKnownOfThem()
    {
        var table = await InProcess.RunAsync(_folder.Path, ["convert", "--list-architectures"]);
        Assert.Equal(0, table.ExitCode);
        Assert.Contains("Qwen3MoeForCausalLM", table.Out);

        var outcome = await InProcess.RunAsync(_folder.Path, ["convert", "--list-architectures", "--format", "json"]);
        var listed = JsonDocument.Parse(outcome.Out).RootElement.GetProperty("architectures").EnumerateArray().ToList();
        Assert.Equal(SupportedArchitecture.All.Count, listed.Count);
        var olmo3 = listed.Single(architecture => architecture.GetProperty("classNames")[0].GetString() == "Olmo3ForCausalLM");
        Assert.Equal("olmo2", olmo3.GetProperty("architecture").GetString());
        Assert.Equal("equalLogits", olmo3.GetProperty("evidence").GetString());

        Assert.Contains("Vision tower", table.Out);
        var projectors = JsonDocument.Parse(outcome.Out).RootElement.GetProperty("projectors").EnumerateArray().ToList();
        Assert.Equal(SupportedProjector.All.Count, projectors.Count);
        Assert.Contains(projectors, projector => projector.GetProperty("projector").GetString() == "gemma3" && projector.GetProperty("classNames")[0].GetString() == "Gemma3ForConditionalGeneration");

        Assert.Equal(2, (await InProcess.RunAsync(_folder.Path, ["convert"])).ExitCode);
        Assert.Equal(2, (await InProcess.RunAsync(_folder.Path, ["convert", "--type", "BF16"])).ExitCode);
    }

    [Fact]
    public async Task WorkerIsNotForPeople()
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["--help"]);

        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("convert", outcome.Out);
        Assert.DoesNotContain("worker", outcome.Out);
    }

    [Fact]
    public void EveryCommandOfTheDesignIsThere()
    {
        var root = CommandLine.Create(new CliHost { Out = TextWriter.Null, Error = TextWriter.Null });

        Assert.Superset(new HashSet<string> { "search", "show", "fit", "pull", "list", "convert", "info", "run", "measure", "hardware", "demo" },
            root.Subcommands.Select(command => command.Name).ToHashSet());
        Assert.All(root.Subcommands, command => Assert.False(string.IsNullOrEmpty(command.Description)));
        Assert.All(root.Subcommands.SelectMany(command => command.Options), option => Assert.False(string.IsNullOrEmpty(option.Description), option.Name));
    }

    [Fact]
    public async Task PromptMayStartWithAnAtSign()
    {
        // System.CommandLine would take it for a response file.
        var outcome = await InProcess.RunAsync(_folder.Path, ["run", "nowhere.gguf", "@alice hello"]);

        Assert.Equal(3, outcome.ExitCode);
    }

    [Fact]
    public async Task FolderThatCannotBeMadeIsTheUsersToName()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "file"), "");

        var outcome = await InProcess.RunAsync(_folder.Path, ["demo", "--keep", "file/below"]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("cannot be made", outcome.Error);
    }

    [Theory]
    [InlineData("many", "--max-tokens is a number, not 'many'.")]
    [InlineData("", "--max-tokens is a number, not ''.")]
    [InlineData("1e400", "--max-tokens is a number, not '1e400'.")]
    [InlineData("99999999999", "--max-tokens is a number of at most 2147483647, not '99999999999'.")]
    [InlineData("-3", "--max-tokens is at least 1.")]
    public async Task NumbersAreRefusedInPeoplesWords(string number, string message)
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["run", "m", "hi", "--max-tokens", number]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains(message, outcome.Error);
    }

    [Fact]
    public async Task CancelledMeansInterrupted()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        var outcome = await InProcess.RunAsync(_folder.Path, ["search", "gemma", "--format", "json"], cancellationToken: cancelled.Token);

        Assert.Equal(130, outcome.ExitCode);
        Assert.Equal("Interrupted", outcome.Json.GetProperty("error").GetProperty("id").GetString());
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("not json")]
    [InlineData("""{"name":"m","operatingSystem":"o","architecture":"x64","processor":"p","physicalCores":1,"logicalProcessors":1,"devices":[]}""")]
    [InlineData("null")]
    [InlineData("""{"name":"m","operatingSystem":"o","architecture":"x64","processor":"p","physicalCores":1,"logicalProcessors":1,"devices":null}""")]
    [InlineData("""{"name":"m","operatingSystem":"o","architecture":"x64","processor":"p","physicalCores":1,"logicalProcessors":1,"devices":[null]}""")]
    public async Task FileThatIsNoMachineIsRefused(string content)
    {
        await File.WriteAllTextAsync(_folder.File("machine.json"), content);

        var outcome = await InProcess.RunAsync(_folder.Path, ["fit", Path.Combine(TestPaths.Golden("llama"), "official.f16.gguf"), "--machine", "machine.json", "--format", "json"]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("machine.json", outcome.Json.GetProperty("error").GetProperty("message").GetString());
    }

    [Fact]
    public async Task DemoKeepsOutOfFoldersInUse()
    {
        await File.WriteAllTextAsync(_folder.File("mine.txt"), "mine");

        var outcome = await InProcess.RunAsync(_folder.Path, ["demo", "--keep", "."]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Equal("mine.txt", Path.GetFileName(Assert.Single(Directory.EnumerateFileSystemEntries(_folder.Path))));
    }
}
