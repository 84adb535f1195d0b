using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Hardware;

/// <summary>Machine files: what is taken, and what is refused in words that say what is wrong.</summary>
public class MachineFileTests
{
    private const string Whole = """
        {
          "schemaVersion": 1, "name": "pc", "operatingSystem": "Windows 11", "architecture": "x64", "processor": "Ryzen", "physicalCores": 8, "logicalProcessors": 16,
          "devices": [
            { "name": "CPU", "kind": "cpu", "totalBytes": 32000000000, "freeBytes": 20000000000, "bandwidthBytesPerSecond": 60e9 },
            { "name": "NVIDIA GeForce RTX 4090", "kind": 1, "totalBytes": 25757220864, "freeBytes": 24000000000 }
          ],
          "diskFreeBytes": 1000000000
        }
        """;

    [Fact]
    public void AFileOfAPersonIsAMachine()
    {
        var machine = Machine.FromJson(Whole, "pc.json");
        Assert.Equal(
            [new Device("CPU", DeviceKind.Cpu, 32_000_000_000, 20_000_000_000, 60e9), new Device("NVIDIA GeForce RTX 4090", DeviceKind.Gpu, 25_757_220_864, 24_000_000_000)],
            machine.Devices);
        Assert.Equal(DeviceFamily.NvidiaAda, machine.Devices[1].Family);
        Assert.Equal((1, 8, 16, null, 1_000_000_000L), (machine.SchemaVersion, machine.PhysicalCores, machine.LogicalProcessors, machine.PerformanceCores, machine.DiskFreeBytes));
    }

    [Fact]
    public void WhatLaterVersionsAddIsPassedOver()
    {
        var json = JsonNode.Parse(Whole)!;
        json["npu"] = new JsonObject { ["tops"] = 50 };
        json["devices"]![1]!["pciId"] = "10de:2684";
        json["devices"]![1]!["family"] = "NvidiaRubin";
        json.AsObject().Remove("schemaVersion");
        Assert.Equal(DeviceFamily.NvidiaAda, Machine.FromJson(json.ToJsonString(), "pc.json").Devices[1].Family);
    }

    [Theory]
    [InlineData("schemaVersion", "2", "schemaVersion is 2")]
    [InlineData("schemaVersion", "0", "schemaVersion is 0")]
    [InlineData("schemaVersion", "\"1\"", "schemaVersion is \"1\"")]
    [InlineData("name", "\"\"", "name is empty")]
    [InlineData("name", "\"a\\nb\"", "a line's end")]
    [InlineData("devices/1/name", "\"GPU\\nFits\"", "a line's end")]
    [InlineData("physicalCores", "\"8\"", "physicalCores is not a whole number")]
    [InlineData("devices/1/totalBytes", "1.5", "totalBytes is not a whole number")]
    [InlineData("devices", "7", "devices is not a list")]
    [InlineData("devices/1/kind", "\"Npu\"", "kind is not one of Cpu, Gpu, IntegratedGpu")]
    [InlineData("processor", "null", "processor is null")]
    [InlineData("physicalCores", "0", "0 physical cores")]
    [InlineData("logicalProcessors", "4", "8 physical cores, but 4 logical")]
    [InlineData("performanceCores", "9", "9 of its 8 physical cores")]
    [InlineData("diskFreeBytes", "-1", "-1 bytes free")]
    [InlineData("devices", "[]", "no devices")]
    [InlineData("devices", "null", "no devices")]
    [InlineData("devices/0/kind", "\"Gpu\"", "first device is not the CPU")]
    [InlineData("devices/1/kind", "\"Cpu\"", "more than one CPU")]
    [InlineData("devices/1/kind", "7", "of kind 7")]
    [InlineData("devices/1", "null", "device 1 is null")]
    [InlineData("devices/1/name", "\"\"", "device 1 has no name")]
    [InlineData("devices/1/totalBytes", "0", "0 bytes of memory")]
    [InlineData("devices/0/totalBytes", "9223372036854775807", "bytes of memory")]
    [InlineData("devices/1/freeBytes", "-5", "-5 bytes free")]
    [InlineData("devices/1/freeBytes", "25757220865", "25757220865 bytes free of 25757220864")]
    [InlineData("devices/0/bandwidthBytesPerSecond", "-60e9", "bandwidth of -60000000000")]
    [InlineData("devices/0/bandwidthBytesPerSecond", "1e300", "bandwidth of 1E+300")]
    [InlineData("devices/0/bandwidthBytesPerSecond", "\"fast\"", "bandwidthBytesPerSecond")]
    public void NonsenseIsRefused(string member, string value, string message)
    {
        var json = JsonNode.Parse(Whole)!;
        var steps = member.Split('/');
        var parent = steps[..^1].Aggregate(json, (node, step) => int.TryParse(step, out var index) ? node[index]! : node[step]!);
        if (int.TryParse(steps[^1], out var last))
        {
            parent[last] = JsonNode.Parse(value);
        }
        else
        {
            parent[steps[^1]] = JsonNode.Parse(value);
        }
        Refuses(json.ToJsonString(), message);
    }

    [Theory]
    [InlineData("name")]
    [InlineData("devices")]
    [InlineData("devices/0/freeBytes")]
    [InlineData("devices/1/kind")]
    public void WhatIsMissingIsNamed(string member)
    {
        var json = JsonNode.Parse(Whole)!;
        var steps = member.Split('/');
        var parent = steps[..^1].Aggregate(json, (node, step) => int.TryParse(step, out var index) ? node[index]! : node[step]!);
        parent.AsObject().Remove(steps[^1]);
        Refuses(json.ToJsonString(), steps[^1]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("7")]
    [InlineData("[]")]
    [InlineData("{ \"name\": ")]
    [InlineData("[ 7 ]")]
    public void OtherTextIsNoMachine(string json) => Refuses(json, "does not describe a machine");

    [Fact]
    public void OneMachineIsNotAList() => Refuses($"[{Whole},{Whole}]", "it is a list");

    [Fact]
    public void WhatIsWrittenIsReadBack()
    {
        var machine = HardwareInventoryTests.ThisMachine();
        var json = JsonSerializer.Serialize(machine, new JsonSerializerOptions(JsonSerializerDefaults.Web));
        Assert.Contains("\"schemaVersion\":1", json, StringComparison.Ordinal);
        Assert.Contains("\"family\":\"Cpu\"", json, StringComparison.Ordinal);
        var back = Machine.FromJson(json, "this");
        Assert.Equal(machine.Devices, back.Devices);
        Assert.Equal(machine, back with { Devices = machine.Devices });
    }

    private static void Refuses(string json, string message)
    {
        var refused = Assert.Throws<ModelOpsException>(() => Machine.FromJson(json, "pc.json"));
        Assert.Equal(ErrorKind.InvalidArgument, refused.Kind);
        Assert.Contains("'pc.json", refused.Message, StringComparison.Ordinal);
        Assert.Contains(message, refused.Message, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("System.", refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("ModelOps.", refused.Message, StringComparison.Ordinal);
        Assert.Contains("modelops hardware", refused.Hint, StringComparison.Ordinal);
    }
}
