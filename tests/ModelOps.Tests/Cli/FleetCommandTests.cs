using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>Many machines asked about at once, and the machines that come built in.</summary>
public sealed class FleetCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static readonly string Golden = Path.Combine(TestPaths.Golden("llama"), "official.f16.gguf");

    public void Dispose() => _folder.Dispose();

    private async Task WriteAsync(string name, long freeBytes)
    {
        var machine = ReferenceMachines.Find("cpu-16")[0];
        machine = machine with { Name = name, Devices = [machine.Devices[0] with { FreeBytes = freeBytes }] };
        await File.WriteAllTextAsync(_folder.File($"{name}.json"), JsonSerializer.Serialize(machine, JsonSerializerOptions.Web));
    }

    [Fact]
    public async Task APatternAnswersForEveryMachineAndTellsOfFilesThatHoldNone()
    {
        await WriteAsync("roomy", 8L << 30);
        await WriteAsync("tight", 1 << 20);
        await File.WriteAllTextAsync(_folder.File("zero.json"), "{}");

        var outcome = await InProcess.RunAsync(_folder.Path, ["fit", Golden, "--machine", "*.json", "--format", "json"]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Equal(
            [("roomy", true), ("tight", false)],
            outcome.Json.GetProperty("fits").EnumerateArray().Select(fit => (fit.GetProperty("machine").GetString()!, fit.GetProperty("fits").GetBoolean())));
        var error = Assert.Single(outcome.Json.GetProperty("errors").EnumerateArray());
        Assert.Equal("InvalidArgument", error.GetProperty("id").GetString());
        Assert.Contains("zero.json", error.GetProperty("message").GetString());
    }

    [Fact]
    public async Task TheExitCodeSaysThatOneDoesNotFit()
    {
        await WriteAsync("roomy", 8L << 30);
        await WriteAsync("tight", 1 << 20);

        Assert.Equal(5, (await InProcess.RunAsync(_folder.Path, ["fit", Golden, "--machine", "*.json"])).ExitCode);
        Assert.Equal(0, (await InProcess.RunAsync(_folder.Path, ["fit", Golden, "--machine", "roomy.json", "--machine", "ref:cpu-16"])).ExitCode);
    }

    [Fact]
    public async Task PeopleGetOneLineAMachine()
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["fit", Golden, "--machine", "ref:rtx-*"]);

        Assert.Equal(0, outcome.ExitCode);
        foreach (var machine in ReferenceMachines.Find("rtx-*"))
        {
            Assert.Matches($@"(?m)^{machine.Name} +yes +[1-9]", outcome.Out);
        }
    }

    [Fact]
    public async Task OneReferenceIsAnsweredLikeOneFile()
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["fit", Golden, "--machine", "ref:mac-m4-16", "--format", "json"]);

        Assert.Equal("mac-m4-16", outcome.Json.GetProperty("machine").GetString());
        Assert.Equal("Apple M4 GPU", outcome.Json.GetProperty("devices")[1].GetProperty("name").GetString());
    }

    [Fact]
    public async Task ReferencesAreListedAsMachineFiles()
    {
        var listed = await InProcess.RunAsync(_folder.Path, ["hardware", "--list", "--format", "json"]);
        var machines = listed.Json.GetProperty("machines").EnumerateArray().Select(machine => Machine.FromJson(machine.GetRawText(), "listed"));
        Assert.Equal(ReferenceMachines.All.Select(machine => machine.Name), machines.Select(machine => machine.Name));

        var shown = await InProcess.RunAsync(_folder.Path, ["hardware", "--list"]);
        Assert.All(ReferenceMachines.All, machine => Assert.Contains($"ref:{machine.Name} ", shown.Out, StringComparison.Ordinal));
    }

    [Fact]
    public async Task AConversionTakesOneMachineOnly()
    {
        var outcome = await InProcess.RunAsync(_folder.Path, ["convert", TestPaths.Golden("llama"), "--fit", "--machine", "ref:cpu-*", "--dry-run"]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains("3 machines", outcome.Error, StringComparison.Ordinal);
    }
}
