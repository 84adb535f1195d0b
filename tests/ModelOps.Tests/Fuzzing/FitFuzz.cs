using ModelOps.Tests.Fit;

namespace ModelOps.Tests.Fuzzing;

/// <summary>
/// Mutated headers for the whole way of a fit: reader, shape, placement, speed, advice. Half are broken as files are, half are well-formed and say
/// figures that no model has.
/// </summary>
internal sealed class FitFuzz
{
    private static readonly Machine[] Machines = [.. ReferenceMachines.All.Where(machine => machine.Name is "cpu-16" or "rtx-4090-24" or "rtx-3090-2x24" or "mac-m4-16")];

    private readonly (byte[] Bytes, long FileBytes)[] _headers;
    private readonly GgufFile[] _files;

    public FitFuzz()
    {
        var synthetic = SyntheticModels.Names.Where(name => !name.StartsWith("DeepSeek-V3", StringComparison.Ordinal)).Select(SyntheticModels.Header).Select(layout => (layout.Header.ToArray(), layout.FileBytes));
        var golden = Directory.EnumerateFiles(Path.Combine(TestPaths.Assets, "golden"), "official*.gguf", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(path => (Bytes: File.ReadAllBytes(path), File: GgufFile.Read(path)));
        _headers = [.. synthetic, .. golden.Select(file => (file.Bytes[..(int)file.File.DataOffset], file.File.FileBytes))];
        _files = [.. _headers.Select(header => GgufFile.Read(new MemoryStream(header.Bytes), header.FileBytes))];
    }

    /// <summary>The mutated header of a seed and a number is taken for a model; whether a fit answered, or refused it. Anything but a <see cref="ModelOpsException"/> is a finding.</summary>
    public bool Try(int seed, long number)
    {
        var random = new Random(unchecked((int)((((ulong)seed << 32) ^ ((ulong)number * 0x9E3779B97F4A7C15)) >> 17)));
        var index = random.Next(_headers.Length);
        try
        {
            var shape = random.Next(2) == 0 ? Broken(_headers[index], random) : Absurd(_files[index], random);
            var result = FitEstimator.Estimate(shape, Machines[random.Next(Machines.Length)], Request(random));
            _ = result.Advice;
            return true;
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.CorruptFile or ErrorKind.UnsupportedType or ErrorKind.InvalidArgument)
        {
            return false;
        }
    }

    private static ModelShape Broken((byte[] Bytes, long FileBytes) header, Random random)
    {
        var bytes = header.Bytes;
        for (var i = random.Next(4) == 0 ? random.Next(1, 4) : 1; i > 0; i--)
            bytes = GgufMutator.Mutate(bytes, random);
        return ModelShape.FromGguf(GgufFile.Read(new MemoryStream(bytes), Math.Max(header.FileBytes, bytes.Length)));
    }

    private static ModelShape Absurd(GgufFile file, Random random)
    {
        var metadata = new GgufMetadata();
        foreach (var (key, value) in file.Metadata)
            metadata.Set(key, value);
        var keys = metadata.Keys.Where(key => key.StartsWith(file.Architecture + ".", StringComparison.Ordinal)).ToArray();
        for (var i = random.Next(1, 4); i > 0 && keys.Length > 0; i--)
        {
            var key = keys[random.Next(keys.Length)];
            metadata.Set(key, Value(metadata[key], random));
        }
        var tensors = file.Tensors.ToArray();
        for (var i = random.Next(3); i > 0; i--)
        {
            var at = random.Next(tensors.Length);
            tensors[at] = tensors[at] with { Bytes = (long)(ByteMutator.Extreme(random) & long.MaxValue), Name = random.Next(4) == 0 ? $"blk.{random.Next(600)}.x.weight" : tensors[at].Name };
        }
        return ModelShape.FromHeader(metadata, tensors, "absurd");
    }

    private static object Value(object old, Random random) => random.Next(8) switch
    {
        0 => "text",
        1 => new[] { (int)ByteMutator.Extreme(random), 1 },
        2 => new[] { 1f, float.NaN },
        3 => ByteMutator.Extreme(random),
        4 => Enumerable.Range(0, random.Next(600)).Select(_ => (uint)ByteMutator.Extreme(random)).ToArray(),
        _ => old is Array ? (uint)random.Next(300) : (uint)ByteMutator.Extreme(random),
    };

    private static FitRequest Request(Random random) => new()
    {
        ContextLength = random.Next(4) switch { 0 => 0, 1 => ContextWish.Largest, _ => random.Next(1, 200_000) },
        GpuLayers = random.Next(3) switch { 0 => null, 1 => -1, _ => random.Next(100) },
        KvType = random.Next(3) switch { 0 => null, 1 => GgmlType.F16, _ => GgmlType.Q8_0 },
        FlashAttention = random.Next(3) switch { 0 => null, 1 => true, _ => false },
        BatchSize = random.Next(2) == 0 ? 512 : random.Next(1, 4096),
        Sequences = random.Next(3) == 0 ? random.Next(1, 9) : 1,
    };
}
