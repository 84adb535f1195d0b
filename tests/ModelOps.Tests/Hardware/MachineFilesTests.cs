using System.Text.Json;
using Xunit;

namespace ModelOps.Tests.Hardware;

public sealed class MachineFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-fleet-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Write(string name, params string[] machines)
    {
        var json = machines.Select(machine => JsonSerializer.Serialize(ReferenceMachines.Find("cpu-16")[0] with { Name = machine }, JsonSerializerOptions.Web)).ToList();
        File.WriteAllText(Path.Combine(_folder, name), json.Count == 1 ? json[0] : $"[{string.Join(',', json)}]");
    }

    [Fact]
    public void APatternFindsEveryMachineOfEveryFileAndEveryFault()
    {
        Write("b.json", "beta");
        Write("a.json", "alpha", "alpha2");
        File.WriteAllText(Path.Combine(_folder, "bad.json"), "{");
        Write("notes.txt", "gamma");

        var entries = MachineFiles.Find("*.json", _folder);

        Assert.Equal(["alpha", "alpha2", "beta", null], entries.Select(entry => entry.Machine?.Name));
        Assert.Equal([null, null, null, ErrorKind.InvalidArgument], entries.Select(entry => entry.Error?.Kind));
        Assert.EndsWith("bad.json", entries[3].Source, StringComparison.Ordinal);
    }

    [Fact]
    public void AListIsBadAsAWholeAndSaysWhich()
    {
        File.WriteAllText(Path.Combine(_folder, "list.json"), """[ {"schemaVersion": 3} ]""");
        Assert.Contains("list.json[0]", Assert.Single(MachineFiles.Find("list.json", _folder)).Error!.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("none.json", ErrorKind.FileNotFound)]
    [InlineData("none-*.json", ErrorKind.FileNotFound)]
    [InlineData("nowhere/*.json", ErrorKind.FileNotFound)]
    [InlineData("ref:gtx-9", ErrorKind.InvalidArgument)]
    public void WhatIsNotThereIsAnEntryWithAnError(string source, ErrorKind kind)
    {
        var entry = Assert.Single(MachineFiles.Find(source, _folder));
        Assert.Equal((null, kind), (entry.Machine, entry.Error!.Kind));
    }

    [Fact]
    public void AFileMayHaveAStarInItsName()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such names.");
        Write("a*.json", "starred");
        Write("ab.json", "other");
        Assert.Equal("starred", Assert.Single(MachineFiles.Find("a*.json", _folder)).Machine!.Name);
    }

    /// <summary>A device has no length and no end.</summary>
    [Fact]
    public void WhatDoesNotEndIsReadNoFurtherThanAFileOfMachinesGoes()
    {
        Assert.SkipUnless(File.Exists("/dev/zero"), "There is no such device.");
        var error = Assert.Single(MachineFiles.Find("/dev/zero", _folder)).Error!;
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("too large", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderIsNamedAsOne()
    {
        var error = Assert.Single(MachineFiles.Find(".", _folder)).Error!;
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("is a folder", error.Message, StringComparison.Ordinal);
        Assert.Contains("*.json", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void MachinesOfOneNameAreToldApart()
    {
        var names = new MachineNames();
        var machine = ReferenceMachines.Find("cpu-16")[0];
        Assert.Equal(
            ["cpu-16", "cpu-16 (b.json)", "cpu-16 (b.json) #2", "cpu-16 (c.json)"],
            new[] { "a.json", "b.json", "b.json", "c.json" }.Select(file => names.Distinguish(machine, Path.Combine(_folder, file)).Name));
        Assert.Equal(["cpu-16 #2", "cpu-16 #3"], Enumerable.Range(0, 2).Select(_ => names.Distinguish(machine, null).Name));
    }

    [Fact]
    public void ReferencesAreMachinesToo() => Assert.Equal(["ref:cpu-16", "ref:cpu-32", "ref:cpu-64"], MachineFiles.Find("ref:cpu-*", _folder).Select(entry => entry.Source));
}
