using ModelOps.Engine;
using ModelOps.Tests.Fit;
using Xunit;

namespace ModelOps.Tests.Engine;

public sealed class LocalMachineTests : IDisposable
{
    private static readonly Machine Workstation = Machines.Of(
    [
        new Device("CPU", DeviceKind.Cpu, 64 * Machines.GiB, 60 * Machines.GiB, 60e9),
        new Device("NVIDIA GeForce RTX 4090", DeviceKind.Gpu, 24 * Machines.GiB, 23 * Machines.GiB, 1008e9),
        new Device("AMD Radeon Graphics", DeviceKind.IntegratedGpu, 32 * Machines.GiB, 30 * Machines.GiB, null),
    ]);

    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-natives-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("", "NVIDIA AMD")]
    [InlineData("cuda", "AMD")]
    [InlineData("hip", "NVIDIA")]
    [InlineData("vulkan", "")]
    [InlineData("cuda vulkan", "")]
    public void OnlyGpusThatABackendServesAreUsable(string backends, string unusable)
    {
        var machine = LocalMachine.Judge(Workstation, backends.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(unusable.Split(' ', StringSplitOptions.RemoveEmptyEntries), machine.Devices.Where(device => device.Unusable is not null).Select(device => device.Name.Split(' ')[0]));
        Assert.All(machine.Devices.Select(device => (device.Name, device.Unusable)).Where(device => device.Unusable is not null), device => Assert.Contains(device.Name, device.Unusable!, StringComparison.Ordinal));
    }

    [Fact]
    public void WithoutAnEngineNothingIsKnownAgainstAGpu() => Assert.Same(Workstation, LocalMachine.Judge(Workstation, null));

    [Fact]
    public void AFitPlacesNothingOnAGpuThatTheEngineCannotUseAndSaysSo()
    {
        var model = SyntheticModels.Shape("Llama-3-8B");
        var machine = LocalMachine.Judge(Workstation, []);
        var fit = FitEstimator.Estimate(model, machine, new FitRequest());
        Assert.Equal((true, 0, "CPU"), (fit.Fits, fit.GpuLayers, Assert.Single(fit.Devices).Name));
        Assert.All(machine.Devices.Skip(1), device => Assert.Contains(device.Unusable, fit.Advice));

        // On its own: what every layer on the processor would need, to the byte, and no speed of a card.
        var cpu = FitEstimator.Estimate(model, machine with { Devices = [machine.Devices[0]] }, new FitRequest());
        Assert.Equal(cpu.Devices[0], fit.Devices[0]);
        Assert.Equal(cpu.TokensPerSecond, fit.TokensPerSecond);
        Assert.Equal(33, FitEstimator.Estimate(model, LocalMachine.Judge(Workstation, ["cuda"]), new FitRequest()).GpuLayers);
    }

    [Theory]
    [InlineData("libggml-cpu-x64.so", "")]
    [InlineData("libggml-vulkan.so libggml-cpu-x64.so", "vulkan")]
    [InlineData("ggml-cuda.dll ggml-vulkan.dll", "cuda vulkan")]
    [InlineData("libggml-metal.so", "metal")]
    [InlineData("libllama.metal.v0.4.0.dylib", "metal")]
    [InlineData("libggml-cuda.v0.4.0.so notes-on-ggml-vulkan.so", "cuda")]
    public void BackendsAreToldByTheFilesBesideTheEngine(string files, string backends)
    {
        Assert.Null(LlamaLibrary.GpuBackendsIn(_folder));
        string extension = OperatingSystem.IsWindows() ? "dll" : OperatingSystem.IsMacOS() ? "dylib" : "so";
        foreach (string name in (string[])[$"libllama.{extension}", $"libggml.{extension}", $"libggml-base.{extension}", .. files.Split(' ')])
        {
            File.WriteAllBytes(Path.Combine(_folder, name), []);
        }
        Assert.Equal(backends.Split(' ', StringSplitOptions.RemoveEmptyEntries), LlamaLibrary.GpuBackendsIn(_folder));
    }

    private const long GiB = 1L << 30;

    private static Machine With(Device[] inventory, params Device[] engine)
        => LocalMachine.With(ReferenceMachines.Find("cpu-64")[0] is var machine ? machine with { Devices = [machine.Devices[0], .. inventory] } : null!, engine);

    [Fact]
    public void TheEnginesOrderAndMemoryWin()
    {
        Device[] inventory = [new("AMD Radeon RX 7900 XTX", DeviceKind.Gpu, 24 * GiB, 23 * GiB, 960e9), new("AMD Radeon RX 6800", DeviceKind.Gpu, 16 * GiB, 15 * GiB, 512e9)];
        var machine = With(inventory, new Device("AMD Radeon RX 6800 (RADV NAVI21)", DeviceKind.Gpu, 16 * GiB, 14 * GiB), new Device("AMD Radeon RX 7900 XTX (RADV NAVI31)", DeviceKind.Gpu, 24 * GiB, 20 * GiB));
        Assert.Equal([DeviceKind.Cpu, DeviceKind.Gpu, DeviceKind.Gpu], machine.Devices.Select(device => device.Kind));
        Assert.Equal([(14 * GiB, 512e9), (20 * GiB, 960e9)], machine.Devices.Skip(1).Select(device => (device.FreeBytes, device.BandwidthBytesPerSecond!.Value)));
    }

    /// <summary>Two equal cards are two, each with what its own entry says.</summary>
    [Fact]
    public void TwinsStayTwo()
    {
        Device[] inventory = [new("NVIDIA GeForce RTX 3090", DeviceKind.Gpu, 24 * GiB, 22 * GiB, 936e9), new("NVIDIA GeForce RTX 3090", DeviceKind.Gpu, 24 * GiB, 23 * GiB, 936e9)];
        var machine = With(inventory, new Device("NVIDIA GeForce RTX 3090", DeviceKind.Gpu, 24 * GiB, 21 * GiB), new Device("NVIDIA GeForce RTX 3090", DeviceKind.Gpu, 24 * GiB, 22 * GiB));
        // CUDA's free memory lacks the context that asking took; the fit counts one itself.
        Assert.Equal([22 * GiB, 23 * GiB], machine.Devices.Skip(1).Select(device => device.FreeBytes));
        Assert.All(machine.Devices, device => Assert.Null(device.Unusable));
    }

    [Fact]
    public void WhatTheEngineDoesNotShowIsNotCounted()
    {
        var machine = With([new("NVIDIA GeForce RTX 4090", DeviceKind.Gpu, 24 * GiB, 23 * GiB, 1008e9), new("Intel GPU 7d55", DeviceKind.IntegratedGpu, 32 * GiB, 20 * GiB)],
            new Device("Intel(R) Arc(tm) Graphics (MTL)", DeviceKind.IntegratedGpu, 31 * GiB, 20 * GiB));
        Assert.Equal(["CPU", "Intel(R) Arc(tm) Graphics (MTL)", "NVIDIA GeForce RTX 4090"], machine.Devices.Select(device => device.Name));
        Assert.Contains("do not show it", machine.Devices[2].Unusable, StringComparison.Ordinal);
        Assert.Null(machine.Devices[1].Unusable);
    }

    [Fact]
    public void WhatOnlyTheEngineShowsIsAdded()
        => Assert.Equal("Qualcomm Adreno X1-85", With([], new Device("Qualcomm Adreno X1-85", DeviceKind.IntegratedGpu, 8 * GiB, 7 * GiB)).Devices[1].Name);

    /// <summary>The libraries of the tests compute on the CPU only: their device API is asked, and shows no GPU.</summary>
    [Fact]
    public void TheEngineIsAskedForItsDevices() => Assert.Empty(ModelOps.Engine.EngineDevices.Read(null));
}
