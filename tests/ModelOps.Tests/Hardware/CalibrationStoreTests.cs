using ModelOps.Hardware;
using ModelOps.Tests.Fit;
using Xunit;

namespace ModelOps.Tests.Hardware;

public sealed class CalibrationStoreTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-cache-").FullName;
    private readonly List<string> _notes = [];
    private readonly Machine _machine = Machines.Cpu(16);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void WhatWasKeptIsFound()
    {
        var path = Store.Save(_machine, Calibration("a"));

        Assert.Equal(_folder, Path.GetDirectoryName(path));
        Assert.Single(Directory.EnumerateFiles(_folder));
        Assert.Equal(Calibration("a").Devices[0].Types[0].Points, Store.Attach(_machine, "a", _notes.Add).Calibration!.Devices[0].Types[0].Points);
        Assert.Empty(_notes);
    }

    [Fact]
    public void AnotherEngineOrMachineHasItsOwn()
    {
        Store.Save(_machine, Calibration("a"));

        Assert.Null(Store.Attach(_machine, "b", _notes.Add).Calibration);
        Assert.Null(Store.Attach(_machine with { Processor = "another" }, "a", _notes.Add).Calibration);
        Assert.Null(Store.Attach(_machine with { PhysicalCores = 3 }, "a", _notes.Add).Calibration);
        Assert.Empty(_notes);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("""{ "schemaVersion": 1 }""")]
    [InlineData("""{ "schemaVersion": 0, "engine": "a", "processor": "p", "measuredAt": "2026-01-01T00:00:00Z", "devices": [] }""")]
    [InlineData("""{ "schemaVersion": 1, "engine": "a", "processor": "p", "measuredAt": "2026-01-01T00:00:00Z", "devices": [] }""")]
    [InlineData("""{ "schemaVersion": 1, "engine": "a", "processor": "p", "measuredAt": "2026-01-01T00:00:00Z", "devices": [null] }""")]
    [InlineData("""{ "schemaVersion": 1, "engine": "a", "processor": "p", "measuredAt": "2026-01-01T00:00:00Z", "devices": [{ "device": "CPU", "threads": 1, "tokenSeconds": -1, "tensorSeconds": 0, "kvBytesPerSecond": 1, "types": [{ "type": "F16", "points": [{ "bytes": 1, "bytesPerSecond": 1, "promptOperationsPerSecond": 1 }] }] }] }""")]
    [InlineData("""{ "schemaVersion": 1, "engine": "a", "processor": "p", "measuredAt": "2026-01-01T00:00:00Z", "devices": [{ "device": "CPU", "threads": 1, "tokenSeconds": 0, "tensorSeconds": 0, "kvBytesPerSecond": 1, "types": [{ "type": "F16", "points": [{ "bytes": 0, "bytesPerSecond": 1, "promptOperationsPerSecond": 1 }] }] }] }""")]
    [InlineData("""{ "schemaVersion": 1, "engine": "b", "processor": "p", "measuredAt": "2026-01-01T00:00:00Z", "devices": [{ "device": "CPU", "threads": 1, "tokenSeconds": 0, "tensorSeconds": 0, "kvBytesPerSecond": 1, "types": [{ "type": "F16", "points": [{ "bytes": 1, "bytesPerSecond": 1, "promptOperationsPerSecond": 1 }] }] }] }""")]
    public void WhatIsNoneIsPassedOverWithANote(string text)
    {
        File.WriteAllText(Store.PathOf(_machine, "a"), text);

        Assert.Same(_machine, Store.Attach(_machine, "a", _notes.Add));
        Assert.Contains("bench --calibrate", Assert.Single(_notes), StringComparison.Ordinal);
        // A new one takes its place.
        Store.Save(_machine, Calibration("a"));
        Assert.NotNull(Store.Attach(_machine, "a", _notes.Add).Calibration);
    }

    [Fact]
    public void AFolderThatCannotBeWrittenIsTold()
    {
        File.WriteAllText(Path.Combine(_folder, "file"), "");
        var refused = Assert.Throws<ModelOpsException>(() => new CalibrationStore(Path.Combine(_folder, "file", "cache")).Save(_machine, Calibration("a")));
        Assert.Equal(ErrorKind.StoreNotWritable, refused.Kind);
    }

    private CalibrationStore Store => new(_folder);

    private static SpeedCalibration Calibration(string engine) => new()
    {
        Engine = engine,
        Processor = "any",
        MeasuredAt = DateTimeOffset.UnixEpoch,
        Devices =
        [
            new DeviceCalibration
            {
                Device = "CPU", Threads = 2, TokenSeconds = 1e-6, TensorSeconds = 0, KvBytesPerSecond = 1e10,
                Types = [new TypeCalibration("F16", [new CalibrationPoint(1000, 2e10, 1e11)])],
            },
        ],
    };
}
