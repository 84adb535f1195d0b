using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using ModelOps.Tests.Fit;
using ModelOps.Tests.Quantization;
using Xunit;

namespace ModelOps.Tests.Conversion.Mixtures;

/// <summary>Conversions to a size or a machine: what they keep to, what they say, and that the recipe which comes out makes the same file.</summary>
public sealed class MixtureTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1_400_000)]
    [InlineData(2_000_000)]
    [InlineData(3_333_333)]
    public async Task FileIsNoLargerThanTheTargetAndNearlyAsLarge(long target)
    {
        var plan = await ConvertAsync("demo-llama", "a.gguf", new ConversionOptions { Target = new ConversionTarget { Bytes = target }, Provenance = true });

        Assert.Equal(plan.Bytes, new FileInfo(plan.Output).Length);
        Assert.InRange(plan.Bytes, target * 0.995, target);
        Assert.Equal(target, plan.Mixture!.TargetBytes);
        Assert.InRange(plan.Mixture.ExpectedLoss, plan.Mixture.LossBound, plan.Mixture.LossBound * 1.05);
        Assert.Equal(plan.Mixture.ExpectedLoss, plan.Mixture.Tensors.Sum(tensor => tensor.Loss), 1e-12);
        Assert.All(plan.Mixture.Tensors, tensor => Assert.Equal(tensor.Type, plan.Tensors.Single(planned => planned.Name == tensor.Name).Type));
        Assert.Null(plan.Options.Target);
        // What people are shown as the file's type is the nearest recipe.
        Assert.Equal(Recipe.Parse(plan.Mixture.Nearest.Type).FileType, GgufFile.Read(plan.Output).Metadata.GetInteger("general.file_type"));
        Assert.Equal(plan.Mixture.Nearest.Type, plan.Type);
    }

    [Fact]
    public async Task RecipeOfThePlanMakesTheSameFile()
    {
        var plan = await ConvertAsync("demo-gemma", "a.gguf", new ConversionOptions { Target = new ConversionTarget { Bytes = 2_000_000 }, Provenance = true });
        var recipe = RecipeFile.Parse(plan.Recipe.ToJson(), "the plan");
        var again = await ConvertAsync("demo-gemma", "b.gguf", new ConversionOptions { Type = recipe.Type, Overrides = recipe.Overrides, Provenance = true });

        Assert.Null(again.Mixture);
        Assert.Equal(SHA256.HashData(await File.ReadAllBytesAsync(plan.Output)), SHA256.HashData(await File.ReadAllBytesAsync(again.Output)));
        // A pattern for each type of a matrix, not one for each tensor.
        Assert.InRange(recipe.Overrides.TensorTypes.Count, 2, plan.Mixture!.Tensors.Count - 10);
    }

    [Fact]
    public async Task ErrorsAreThoseOfTheFileThatIsWritten()
    {
        GgmlOracle.RequireX64();
        var plan = await ConvertAsync("demo-llama", "a.gguf", new ConversionOptions { Target = new ConversionTarget { Bytes = 1_700_000 } });
        var exact = await ConvertAsync("demo-llama", "f32.gguf", new ConversionOptions { Type = "F32" });
        var (bytes, own) = (await File.ReadAllBytesAsync(plan.Output), await File.ReadAllBytesAsync(exact.Output));
        foreach (var tensor in plan.Mixture!.Tensors)
        {
            var (rounded, source) = (plan.Tensors.Single(planned => planned.Name == tensor.Name), exact.Tensors.Single(planned => planned.Name == tensor.Name));
            var decoded = GgmlOracle.Dequantize(rounded.Type, bytes.AsSpan((int)rounded.Offset, (int)rounded.Bytes));
            var (error, energy) = (0.0, 0.0);
            for (var i = 0; i < decoded.Length; i++)
            {
                double weight = BitConverter.ToSingle(own, (int)source.Offset + (4 * i));
                (error, energy) = (error + ((weight - decoded[i]) * (weight - decoded[i])), energy + (weight * weight));
            }
            // All rows are in the sample, but for the types that are searched for.
            Assert.Equal(error / energy, tensor.Error, tensor.Error * (rounded.Type is GgmlType.IQ3_S or GgmlType.IQ3_XXS ? 0.1 : 1e-6));
        }
        Assert.True(plan.Mixture.Tensors.Select(tensor => tensor.Type).Distinct().Count() > 2);
    }

    [Fact]
    public void WhatWasTrainedForALatticeIsKeptOnIt()
    {
        var plan = Plan("demo-gemma-qat", new ConversionOptions { Target = new ConversionTarget { Bytes = 2_250_000 } });

        var kept = plan.Mixture!.Tensors.Where(tensor => tensor.Name.StartsWith("blk.", StringComparison.Ordinal)).ToList();
        Assert.All(kept, tensor => Assert.Equal((GgmlType.Q4_0, 0.0), (tensor.Type, tensor.Error)));
        Assert.All(plan.Tensors.Where(tensor => kept.Exists(other => other.Name == tensor.Name)), tensor => Assert.True(tensor.Lattice));
        // Off the lattice, the embedding gets what is left.
        Assert.True(plan.Mixture.Tensors.Single(tensor => tensor.Name == "token_embd.weight").Type.BitsPerWeight() > 6);
    }

    [Fact]
    public void TooSmallASizeIsRefusedWithTheLeast()
    {
        var refused = Assert.Throws<ModelOpsException>(() => Plan("demo-llama", new ConversionOptions { Target = new ConversionTarget { Bytes = 100_000 } }));
        Assert.Equal(ErrorKind.DoesNotFit, refused.Kind);
        var least = long.Parse(Regex.Match(refused.Message, "smallest has ([0-9,]+)").Groups[1].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);
        Assert.Equal(least, Plan("demo-llama", new ConversionOptions { Target = new ConversionTarget { Bytes = least } }).Bytes);
        Assert.Throws<ModelOpsException>(() => Plan("demo-llama", new ConversionOptions { Target = new ConversionTarget { Bytes = least - 1 } }));
    }

    [Fact]
    public void TypesThatAreAskedForStay()
    {
        var overrides = new RecipeOverrides { TensorTypes = [new("attn_q", GgmlType.Q8_0)], EmbeddingType = GgmlType.Q4_0 };
        var plan = Plan("demo-llama", new ConversionOptions { Overrides = overrides, Target = new ConversionTarget { Bytes = 2_000_000 } });

        Assert.All(plan.Tensors.Where(tensor => tensor.Name.Contains("attn_q", StringComparison.Ordinal)), tensor => Assert.Equal(GgmlType.Q8_0, tensor.Type));
        Assert.Equal(GgmlType.Q4_0, plan.Tensors.Single(tensor => tensor.Name == "token_embd.weight").Type);
        Assert.DoesNotContain(plan.Mixture!.Tensors, tensor => tensor.Name.Contains("attn_q", StringComparison.Ordinal) || tensor.Name == "token_embd.weight");
        Assert.InRange(plan.Bytes, 1_990_000, 2_000_000);
    }

    [Fact]
    public void MemoryOfAMachineIsATarget()
    {
        var request = new FitRequest { ContextLength = 256 };
        var least = FitEstimator.Estimate(Plan("demo-llama", new ConversionOptions { Type = "Q4_0" }).ToShape(), Machines.Cpu(64), request).Devices.Sum(device => device.TotalBytes);
        var machine = Machines.Cpu((double)least / Machines.GiB);
        var plan = Plan("demo-llama", new ConversionOptions { Target = new ConversionTarget { Fit = request, Machine = machine } });

        Assert.True(FitEstimator.Estimate(plan.ToShape(), machine, request).Fits);
        // No room is wasted that a step to a larger type could use.
        Assert.InRange(plan.Bytes, Plan("demo-llama", new ConversionOptions { Type = "Q4_0" }).Bytes - 20_000, plan.Mixture!.TargetBytes);
        var all = Plan("demo-llama", new ConversionOptions { Target = new ConversionTarget { Fit = request, Machine = Machines.Cpu(64) } });
        Assert.Equal(0, all.Mixture!.ExpectedLoss);
        var limited = Plan("demo-llama", new ConversionOptions { Target = new ConversionTarget { Bytes = 1_500_000, Fit = request, Machine = machine } });
        Assert.InRange(limited.Bytes, 1_490_000, 1_500_000);

        var refused = Assert.Throws<ModelOpsException>(() => Plan("demo-llama", new ConversionOptions { Target = new ConversionTarget { Fit = request, Machine = Machines.Cpu(0.0001) } }));
        Assert.Equal(ErrorKind.DoesNotFit, refused.Kind);
        Assert.NotEmpty(refused.Hint!);
    }

    [Fact]
    public void WhatMeansNothingIsRefused()
    {
        RefusedAs(ErrorKind.InvalidArgument, new ConversionOptions { Target = new ConversionTarget() });
        RefusedAs(ErrorKind.FileNotFound, new ConversionOptions { Target = new ConversionTarget { Bytes = 2_000_000, Sensitivity = _folder.File("none.json") } });
        RefusedAs(ErrorKind.InvalidArgument, Measured("""{ "version": 1, "source": "x", "tokens": 1, "tensors": [] }"""));
        RefusedAs(ErrorKind.InvalidArgument, Measured("""{ "version": 2, "source": "x", "tokens": 1, "tensors": [{ "name": "a", "gain": 1, "kld": 1, "error": 1, "type": "Q3_K" }] }"""));
        RefusedAs(ErrorKind.InvalidArgument, Measured("""{ "version": 1, "source": "x", "tokens": 1, "tensors": [{ "name": "a", "gain": -1, "kld": 1, "error": 1, "type": "Q3_K" }] }"""));
        // Of another model, and with an importance matrix that this conversion lacks.
        RefusedAs(ErrorKind.InvalidArgument, Measured("""{ "version": 1, "source": "x", "tokens": 1, "tensors": [{ "name": "a", "gain": 1, "kld": 1, "error": 1, "type": "Q3_K" }] }"""));
        RefusedAs(ErrorKind.InvalidArgument, Measured("""{ "version": 1, "source": "x", "tokens": 1, "importanceMatrix": "m", "tensors": [{ "name": "a", "gain": 1, "kld": 1, "error": 1, "type": "Q3_K" }] }"""));
        RefusedAs(ErrorKind.InvalidArgument, Measured("no JSON"));
        // Types that need an importance matrix.
        RefusedAs(ErrorKind.InvalidArgument, new ConversionOptions { Overrides = new RecipeOverrides { TensorTypes = [new("attn_v", GgmlType.IQ1_S)] }, Target = new ConversionTarget { Bytes = 2_000_000 } });
        RefusedAs(ErrorKind.InvalidArgument, new ConversionOptions { Overrides = new RecipeOverrides { OutputType = GgmlType.IQ2_XXS }, Target = new ConversionTarget { Bytes = 2_000_000 } });

        void RefusedAs(ErrorKind kind, ConversionOptions options) => Assert.Equal(kind, Assert.Throws<ModelOpsException>(() => Plan("demo-llama", options)).Kind);

        ConversionOptions Measured(string table)
        {
            File.WriteAllText(_folder.File("table.json"), table);
            return new ConversionOptions { Target = new ConversionTarget { Bytes = 2_000_000, Sensitivity = _folder.File("table.json") } };
        }
    }

    private ConversionPlan Plan(string model, ConversionOptions options) => ConversionPlan.Create(TestPaths.Model(model), _folder.File("plan.gguf"), options with { Threads = 1 });

    private async Task<ConversionPlan> ConvertAsync(string model, string file, ConversionOptions options)
    {
        var plan = ConversionPlan.Create(TestPaths.Model(model), _folder.File(file), options with { Threads = 1 });
        await ModelConverter.RunAsync(plan);
        return plan;
    }
}
