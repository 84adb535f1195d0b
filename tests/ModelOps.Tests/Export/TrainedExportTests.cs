using ModelOps.Tests.Conversion;
using ModelOps.Tests.Conversion.Quantized;
using Xunit;

namespace ModelOps.Tests.Export;

/// <summary>Weights that quantization-aware training left on a lattice, and weights on none.</summary>
public sealed class TrainedExportTests
{
    [Theory]
    [InlineData(ExportFormat.Mlx)]
    [InlineData(ExportFormat.CompressedTensors)]
    public async Task QatModel_IsExact(ExportFormat format)
    {
        using var folder = new TemporaryFolder();
        var source = TestPaths.Model("demo-gemma-qat");
        var result = await LatticeExportTests.ExportAsync(source, folder, format);

        Assert.Equal((1, 0, 0, "BF16"), (result.ExactFraction, result.LargestError, result.RmsError, result.NumberType));
        var written = new ExportedFolder(result.Output);
        var original = TinyCheckpoint.OfFolder(source);
        foreach (var tensor in result.Tensors)
        {
            var module = tensor.Name[..^".weight".Length];
            var weights = tensor.Scheme is null ? written.Numbers(tensor.Name) : format == ExportFormat.Mlx ? written.Mlx(module) : written.CompressedTensors(module);
            // The checkpoint rounded the products to BF16.
            Assert.Equal(ExportedFolder.Numbers(original.Tensors[tensor.Name]).Select(LatticeExportTests.Bits), weights.Select(ToBF16).Select(LatticeExportTests.Bits));
        }
        Assert.All(result.Tensors.Where(tensor => tensor.Name.Contains("_proj", StringComparison.Ordinal)), tensor => Assert.Equal((ExportTreatment.Lattice, new ExportScheme(4, 32, true)), (tensor.Treatment, tensor.Scheme)));
        // Our converter reads from the folder what it reads from the source: the numbers, and the very blocks of the lattice.
        foreach (var type in new[] { "BF16", "Q4_0" })
        {
            var (expected, read) = (await LatticeExportTests.ConvertAsync(source, folder.File("source.gguf"), type), await LatticeExportTests.ConvertAsync(result.Output, folder.File("read.gguf"), type));
            Assert.All(expected.Tensors, tensor => Assert.Equal(Data(expected, tensor.Name), Data(read, tensor.Name)));
        }
    }

    [Theory]
    [InlineData(ExportFormat.Mlx, 4, 32)]
    [InlineData(ExportFormat.Mlx, 4, 64)]
    [InlineData(ExportFormat.Mlx, 8, 32)]
    [InlineData(ExportFormat.CompressedTensors, 4, 32)]
    [InlineData(ExportFormat.CompressedTensors, 8, 64)]
    public async Task PlainModel_IsRoundedAsTheToolsDo(ExportFormat format, int bits, int group)
    {
        using var folder = new TemporaryFolder();
        var source = TestPaths.Model("demo-gemma");
        var result = await LatticeExportTests.ExportAsync(source, folder, format, new ExportOptions { Format = format, Bits = bits, GroupSize = group });
        var written = new ExportedFolder(result.Output);
        var original = TinyCheckpoint.OfFolder(source);
        foreach (var tensor in result.Tensors.Where(tensor => tensor.Treatment == ExportTreatment.Rounded))
        {
            Assert.Equal((bits, group), (tensor.Scheme!.Bits, tensor.Scheme.GroupSize));
            var module = tensor.Name[..^".weight".Length];
            var weights = ExportedFolder.Numbers(original.Tensors[tensor.Name]);
            var stored = format == ExportFormat.Mlx ? written.Mlx(module) : written.CompressedTensors(module);
            var steps = weights.Chunk(group).Select(chunk => format == ExportFormat.Mlx ? (chunk.Max() - chunk.Min()) / ((1 << bits) - 1) : chunk.Max(Math.Abs) * 2 / ((1 << bits) - 1)).ToList();
            // Half a step, as much again where the last code of a side is missing or the grid is moved to have a zero, and what BF16 rounds of scale and bias.
            for (var i = 0; i < weights.Length; i++)
                Assert.True(Math.Abs(weights[i] - stored[i]) <= (1.01 * steps[i / group]) + (steps[i / group] * (1 << bits) / 128), $"{tensor.Name} {i}: {weights[i]} and {stored[i]}, a step is {steps[i / group]}");
            var errors = weights.Zip(stored, (a, b) => Math.Abs((double)a - ToBF16(b))).ToList();
            Assert.Equal(Math.Sqrt(errors.Sum(error => error * error) / weights.Length), tensor.RmsError, 1e-9);
            Assert.Equal(errors.Max(), tensor.LargestError);
        }
        Assert.Contains(result.Tensors, tensor => tensor.Treatment == ExportTreatment.Rounded);
        Assert.Null(result.LatticeExactFraction);
    }

    [Fact]
    public async Task WithoutLattice_AllIsRounded()
    {
        using var folder = new TemporaryFolder();
        var result = await LatticeExportTests.ExportAsync(TestPaths.Model("demo-gemma-qat"), folder, ExportFormat.Mlx, new ExportOptions { Format = ExportFormat.Mlx, KeepLattice = false });
        Assert.DoesNotContain(result.Tensors, tensor => tensor.Treatment == ExportTreatment.Lattice);
        Assert.True(result.ExactFraction < 0.9);
    }

    /// <summary>A tensor's bytes; codes know no minus zero.</summary>
    private static byte[] Data(ConversionPlan plan, string name)
    {
        var tensor = plan.Tensors.Single(other => other.Name == name);
        var data = QuantizedLlama.Data(plan, tensor);
        return tensor.Type != GgmlType.BF16 ? data : [.. data.Chunk(2).SelectMany(pair => pair is [0, 128] ? [0, 0] : pair)];
    }

    internal static float ToBF16(float number)
    {
        var bits = BitConverter.SingleToUInt32Bits(number);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }
}
