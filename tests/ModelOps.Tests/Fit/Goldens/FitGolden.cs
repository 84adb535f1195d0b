using System.Globalization;

namespace ModelOps.Tests.Fit;

/// <summary>What a model is run with.</summary>
/// <param name="Model">One of <see cref="SyntheticModels.Names"/>.</param>
/// <param name="Context">Tokens of all sequences together.</param>
/// <param name="Batch">n_ubatch.</param>
/// <param name="Flash">Flash attention.</param>
/// <param name="Sequences">Sequences, in one cache.</param>
/// <param name="GpuLayers">Layers on the GPU, the output first.</param>
internal sealed record FitCell(string Model, int Context, int Batch, bool Flash, int Sequences, int GpuLayers)
{
    public EngineParameters Parameters => new() { ContextLength = Context, BatchSize = Batch, FlashAttention = Flash, Sequences = Sequences, GpuLayers = GpuLayers, CpuExpertLayers = 0 };

    public FitRequest Request => new() { ContextLength = Context, BatchSize = Batch, FlashAttention = Flash, Sequences = Sequences, GpuLayers = GpuLayers, CpuExpertLayers = 0 };
}

/// <summary>What the pinned engine said that a cell takes on a device; in MiB, as it prints them.</summary>
internal sealed record FitGolden(FitCell Cell, string Device, double Weights, double KvCache, double State, double Compute, double Output)
{
    public const string Header = "model,context,batch,flash,sequences,gpuLayers,device,weights,kvCache,state,compute,output";

    private const double MiB = 1 << 20;

    public static string PathOf(string name) => Path.Combine(TestPaths.Golden("fit"), $"{name}.csv");

    public static IReadOnlyList<FitGolden> Read(string name) => [.. File.ReadLines(PathOf(name)).Skip(1).Select(Parse)];

    public static IEnumerable<FitGolden> Of(FitCell cell, EngineMemory memory) => memory.Devices.Select(device => new FitGolden(
        cell, device.Name, Printed(device.WeightsBytes), Printed(device.KvCacheBytes), Printed(device.StateBytes), Printed(device.ComputeBytes), Printed(device.OutputBytes)));

    public override string ToString() => string.Join(',', ((object[])
        [Cell.Model, Cell.Context, Cell.Batch, Cell.Flash ? "on" : "off", Cell.Sequences, Cell.GpuLayers, Device, Weights, KvCache, State, Compute, Output])
        .Select(value => value is double number ? number.ToString("0.##", CultureInfo.InvariantCulture) : Convert.ToString(value, CultureInfo.InvariantCulture)));

    private static double Printed(long bytes) => Math.Round(bytes / MiB, 2);

    private static FitGolden Parse(string line)
    {
        var fields = line.Split(',');
        int Whole(int index) => int.Parse(fields[index], CultureInfo.InvariantCulture);
        double Number(int index) => double.Parse(fields[index], CultureInfo.InvariantCulture);
        return new FitGolden(new FitCell(fields[0], Whole(1), Whole(2), fields[3] == "on", Whole(4), Whole(5)), fields[6], Number(7), Number(8), Number(9), Number(10), Number(11));
    }
}
