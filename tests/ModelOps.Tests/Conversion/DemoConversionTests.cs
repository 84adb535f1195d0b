using System.Buffers.Binary;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>The demo models at every type; the lattice judged by reading the files back with a decoder of the test's own.</summary>
public sealed class DemoConversionTests
{
    public static TheoryData<string, string> ModelsAndTypes
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var model in new[] { "demo-llama", "demo-gemma", "demo-gemma-qat" })
            {
                foreach (var recipe in Recipe.All.Where(recipe => !TestImportance.NeedingIt.Contains(recipe.Name)))
                    data.Add(model, recipe.Name);
            }
            return data;
        }
    }

    [Theory]
    [MemberData(nameof(ModelsAndTypes))]
    public async Task EveryType_WritesTheFileThatWasPlanned(string model, string type)
    {
        using var folder = new TemporaryFolder();
        var plan = ConversionPlan.Create(TestPaths.Model(model), folder.File("model.gguf"), new ConversionOptions { Type = type });
        var reported = new List<ConversionProgress>();
        var result = await ModelConverter.RunAsync(plan, new Immediate<ConversionProgress>(reported.Add));

        var file = GgufFile.Read(plan.Output);
        Assert.Equal(plan.Bytes, new FileInfo(plan.Output).Length);
        Assert.Equal(plan.Bytes, file.FileBytes);
        Assert.Equal(
            plan.Tensors.Select(tensor => (tensor.Name, tensor.Type, tensor.Bytes, tensor.Offset)),
            file.Tensors.Select(tensor => (tensor.Name, tensor.Type, tensor.Bytes, tensor.Offset)));
        Assert.Equal(plan.Metadata.Keys, file.Metadata.Keys);
        Assert.Equal(plan.Tensors.Select(tensor => tensor.Name).Order(StringComparer.Ordinal), reported.Select(progress => progress.Tensor).Distinct().Order(StringComparer.Ordinal));
        Assert.All(reported, progress => Assert.InRange(progress.BytesWritten, 1, progress.TotalBytes));
        Assert.Equal([plan.Output], Directory.GetFiles(folder.Path));

        // Every weight is within the type's step of the checkpoint's, so no row or block is out of place.
        var recipe = Recipe.Parse(type);
        Assert.All(result.Tensors, tensor => Assert.InRange(tensor.ExactWeights, 0, tensor.Weights));
        if (recipe.BaseType is GgmlType.F32 or GgmlType.BF16)
            Assert.Equal(1, result.ExactFraction);
        else
            Assert.InRange(result.ExactFraction, recipe.BaseType.BitsPerWeight() < 4.3 ? 0.001 : 0.02, 1);
        // A lattice of 4 bits is kept by every recipe of quantised weights that gives as many.
        var keeps = model == "demo-gemma-qat" && recipe.BaseType.BlockLength() > 1 && recipe.BaseType.BitsPerWeight() >= 4;
        Assert.Equal(keeps ? 1 : null, result.LatticeExactFraction);
        Assert.All(plan.Tensors, tensor => Assert.Equal(tensor.Lattice ? "4 bit, group 32, trained" : null, tensor.LatticeKind));
        Assert.Equal(recipe.FileType, (int)file.Metadata.GetInteger("general.file_type"));
    }

    [Fact]
    public async Task Lattice_EveryWeightComesBackExact()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = TestPaths.Model("demo-gemma-qat");
        var plan = ConversionPlan.Create(checkpoint, folder.File("model.gguf"), new ConversionOptions { Type = "Q4_0" });
        var result = await ModelConverter.RunAsync(plan);

        // Every linear weight of the model is on the lattice (its README); the embedding is not and keeps the recipe's type.
        Assert.Equal(6 * 7, plan.Tensors.Count(tensor => tensor.Lattice));
        Assert.All(plan.Tensors, tensor => Assert.Equal(tensor.Lattice, tensor.Name.StartsWith("blk.", StringComparison.Ordinal) && !tensor.Name.Contains("norm", StringComparison.Ordinal)));
        Assert.Equal(GgmlType.Q6_K, plan.Tensors.Single(tensor => tensor.Name == "token_embd.weight").Type);
        Assert.Equal(1, result.LatticeExactFraction);

        var source = await File.ReadAllBytesAsync(Path.Combine(checkpoint, "model.safetensors"));
        var stored = SafetensorsFile.Read(Path.Combine(checkpoint, "model.safetensors")).Tensors.ToDictionary(tensor => tensor.Name);
        var output = await File.ReadAllBytesAsync(plan.Output);
        foreach (var tensor in plan.Tensors.Where(tensor => tensor.Lattice))
        {
            var original = source.AsSpan((int)stored[tensor.Sources.Single()].Offset, (int)stored[tensor.Sources.Single()].Bytes);
            var decoded = DecodeQ4_0(output.AsSpan((int)tensor.Offset, (int)tensor.Bytes));
            for (var i = 0; i < decoded.Length; i++)
            {
                var weight = (uint)BinaryPrimitives.ReadUInt16LittleEndian(original[(i * 2)..]) << 16;
                // Q4_0 has one zero.
                if (RoundToBF16(decoded[i]) != weight && (decoded[i] != 0 || (weight << 1) != 0))
                    Assert.Fail($"{tensor.Name}[{i}]");
            }
        }
    }

    [Fact]
    public async Task NaiveQ4_0_OfTheSameModel_KeepsFarFewer()
    {
        using var folder = new TemporaryFolder();
        var plan = ConversionPlan.Create(TestPaths.Model("demo-gemma-qat"), folder.File("model.gguf"), new ConversionOptions { Type = "Q4_0", KeepLattice = false });
        var result = await ModelConverter.RunAsync(plan);
        Assert.Null(result.LatticeExactFraction);
        var linear = result.Tensors.Where(tensor => tensor.Type == GgmlType.Q4_0).ToList();
        // 10.4 % of the bits, and about 6.5 % of the weights are negative zeros, which come back as zeros.
        Assert.InRange((double)linear.Sum(tensor => tensor.ExactWeights) / linear.Sum(tensor => tensor.Weights), 0.08, 0.25);
    }

    [Fact]
    public async Task Bytes_DoNotDependOnThreads()
    {
        using var folder = new TemporaryFolder();
        var files = new List<byte[]>();
        foreach (var threads in new[] { 1, 3, 16 })
        {
            var plan = ConversionPlan.Create(TestPaths.Model("demo-llama"), folder.File("model.gguf"), new ConversionOptions { Type = "Q4_0", Threads = threads, Overwrite = true });
            await ModelConverter.RunAsync(plan);
            files.Add(await File.ReadAllBytesAsync(plan.Output));
        }
        Assert.Equal(files[0], files[1]);
        Assert.Equal(files[0], files[2]);
    }

    [Fact]
    public async Task Q8_0_EveryWeightIsWithinHalfAStepOfItsSource()
    {
        using var folder = new TemporaryFolder();
        var checkpoint = TestPaths.Model("demo-llama");
        var plan = ConversionPlan.Create(checkpoint, folder.File("model.gguf"), new ConversionOptions { Type = "Q8_0" });
        await ModelConverter.RunAsync(plan);
        var source = await File.ReadAllBytesAsync(Path.Combine(checkpoint, "model.safetensors"));
        var stored = SafetensorsFile.Read(Path.Combine(checkpoint, "model.safetensors")).Tensors.ToDictionary(tensor => tensor.Name);
        var output = await File.ReadAllBytesAsync(plan.Output);
        foreach (var tensor in plan.Tensors.Where(tensor => tensor.Type == GgmlType.Q8_0))
        {
            var original = source.AsSpan((int)stored[tensor.Sources.Single()].Offset);
            var rows = tensor.Shape[1];
            var isPermuted = tensor.Name.EndsWith("attn_q.weight", StringComparison.Ordinal) || tensor.Name.EndsWith("attn_k.weight", StringComparison.Ordinal);
            for (var row = 0L; row < rows; row++)
            {
                // demo-llama's heads have 64 rows: pair i of a head is rows i and i + 32 in the checkpoint.
                var from = isPermuted ? (row / 64 * 64) + (row % 2 * 32) + (row % 64 / 2) : row;
                for (var column = 0L; column < tensor.Shape[0]; column += 32)
                {
                    var block = output.AsSpan((int)(tensor.Offset + (((row * tensor.Shape[0]) + column) / 32 * 34)), 34);
                    var scale = (float)BinaryPrimitives.ReadHalfLittleEndian(block);
                    for (var i = 0; i < 32; i++)
                    {
                        var weight = BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(original[(int)(((from * tensor.Shape[0]) + column + i) * 2)..]) << 16);
                        if (Math.Abs(((sbyte)block[2 + i] * scale) - weight) > scale * 0.57f)
                            Assert.Fail($"{tensor.Name} [{row}, {column + i}]");
                    }
                }
            }
        }
    }

    [Fact]
    public void Pattern_IsWrittenWhereLlamaCppWouldAssumeAnother()
    {
        using var folder = new TemporaryFolder();
        var plan = ConversionPlan.Create(TestPaths.Model("demo-gemma"), folder.File("model.gguf"), new ConversionOptions { ModelName = "My name" });
        Assert.Equal(3u, plan.Metadata["gemma3.attention.sliding_window_pattern"]);
        Assert.Equal("My name", plan.Metadata["general.name"]);
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    private static float[] DecodeQ4_0(ReadOnlySpan<byte> blocks)
    {
        var weights = new float[blocks.Length / 18 * 32];
        for (var block = 0; block * 18 < blocks.Length; block++)
        {
            var bytes = blocks.Slice(block * 18, 18);
            var scale = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes);
            for (var i = 0; i < 16; i++)
            {
                weights[(block * 32) + i] = ((bytes[2 + i] & 15) - 8) * scale;
                weights[(block * 32) + 16 + i] = ((bytes[2 + i] >> 4) - 8) * scale;
            }
        }
        return weights;
    }

    private static uint RoundToBF16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        var (kept, rest) = (bits & 0xFFFF0000, bits & 0xFFFF);
        return rest > 0x8000 || (rest == 0x8000 && (kept & 0x10000) != 0) ? kept + 0x10000 : kept;
    }

    private sealed class Immediate<T>(Action<T> report) : IProgress<T>
    {
        public void Report(T value) => report(value);
    }
}
