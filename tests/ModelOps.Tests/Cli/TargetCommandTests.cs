using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>A size or a machine instead of a recipe, from the command line.</summary>
public sealed class TargetCommandTests
{
    private static readonly string Model = TestPaths.Model("demo-llama");

    [Fact]
    public async Task PlanToASizeIsARecipeFileToo()
    {
        using TemporaryFolder folder = new();
        var planned = await InProcess.RunAsync(folder.Path, ["convert", Model, "--target-size", "2000000", "--tensor-type", "attn_v=Q8_0", "--dry-run", "--format", "json"]);
        Assert.Equal(0, planned.ExitCode);
        var plan = JsonDocument.Parse(planned.Out).RootElement;
        var mixture = plan.GetProperty("mixture");
        Assert.Equal(2_000_000, mixture.GetProperty("targetBytes").GetInt64());
        Assert.InRange(plan.GetProperty("bytes").GetInt64(), 1_990_000, 2_000_000);
        Assert.EndsWith("demo-llama-MIX.gguf", plan.GetProperty("output").GetString(), StringComparison.Ordinal);
        Assert.All(mixture.GetProperty("tensors").EnumerateArray(), tensor => Assert.DoesNotContain("attn_v", tensor.GetProperty("name").GetString(), StringComparison.Ordinal));

        await File.WriteAllTextAsync(Path.Combine(folder.Path, "plan.json"), planned.Out);
        var again = await InProcess.RunAsync(folder.Path, ["convert", Model, "--recipe", "plan.json", "--dry-run", "--format", "json"]);
        Assert.Equal(0, again.ExitCode);
        Assert.Equal(plan.GetProperty("tensors").ToString(), JsonDocument.Parse(again.Out).RootElement.GetProperty("tensors").ToString());

        var shown = await InProcess.RunAsync(folder.Path, ["convert", Model, "--target-size", "2000000", "--dry-run"]);
        Assert.Contains("nearest recipe", shown.Out, StringComparison.Ordinal);
        Assert.Contains("assumed by the roles", shown.Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5, "--target-size", "100000")]
    [InlineData(2, "--target-size", "2MB", "--type", "Q4_0")]
    [InlineData(2, "--type", "Q4_0", "--context", "64")]
    [InlineData(2, "--type", "Q4_0", "--sensitivity", "table.json")]
    [InlineData(2, "--target-size", "2MB", "--mmproj")]
    [InlineData(3, "--target-size", "2MB", "--sensitivity", "none.json")]
    public async Task WhatCannotBeHasAnExitCode(int code, params string[] options)
    {
        using TemporaryFolder folder = new();
        var outcome = await InProcess.RunAsync(folder.Path, ["convert", Model, .. options, "--dry-run"]);
        Assert.Equal(code, outcome.ExitCode);
        Assert.Contains("hint:", outcome.Error, StringComparison.Ordinal);
    }

    /// <summary>Told of before anything is measured: the text is too short to measure on, which would be said else.</summary>
    [Theory]
    [InlineData(3, "There is no folder", "none/table.json")]
    [InlineData(2, "is a folder", ".")]
    [InlineData(2, "is there already", "short.txt")]
    public async Task PlaceOfATableIsLookedAtFirst(int code, string message, string output)
    {
        using TemporaryFolder folder = new();
        await File.WriteAllTextAsync(folder.File("short.txt"), "A", TestContext.Current.CancellationToken);
        var outcome = await InProcess.RunAsync(folder.Path, ["sensitivity", Model, "--text", "short.txt", "--output", output]);
        Assert.Equal(code, outcome.ExitCode);
        Assert.Contains(message, outcome.Error, StringComparison.Ordinal);
        Assert.Contains("hint:", outcome.Error, StringComparison.Ordinal);
    }
}
