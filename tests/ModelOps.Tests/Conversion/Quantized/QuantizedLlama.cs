using System.Text.Json.Nodes;
using ModelOps.Tests.Quantization;

namespace ModelOps.Tests.Conversion.Quantized;

/// <summary>
/// A Llama of one layer with two sets of weights that must be the same: quantised ones, as a test's own writer stores them, and the plain
/// F32 that the format's formula gives. Converted to F32 the files must agree in every bit.
/// </summary>
internal sealed class QuantizedLlama
{
    /// <summary>Width of the model unless a test wants another.</summary>
    public const int Hidden = 128;

    /// <summary>The matrices that checkpoints quantise, [out, in]; k has fewer heads.</summary>
    private readonly (string Module, int Outputs, int Inputs)[] _modules;
    private readonly Random _random = new(42);
    private readonly int _precision;

    public QuantizedLlama(string quantization, string key = "quantization_config", int width = 192, int precision = 7, int hidden = Hidden)
    {
        _precision = precision;
        _modules =
        [
            ("model.layers.0.self_attn.q_proj", hidden, hidden), ("model.layers.0.self_attn.k_proj", hidden / 2, hidden), ("model.layers.0.self_attn.v_proj", hidden / 2, hidden),
            ("model.layers.0.self_attn.o_proj", hidden, hidden), ("model.layers.0.mlp.gate_proj", width, hidden), ("model.layers.0.mlp.up_proj", width, hidden), ("model.layers.0.mlp.down_proj", hidden, width),
        ];
        Stored = Empty(width, hidden);
        Plain = Empty(width, hidden);
        Stored.Config[key] = JsonNode.Parse(quantization);
        Add("model.embed_tokens.weight", 384, hidden);
        Add("model.norm.weight", hidden);
        Add("model.layers.0.input_layernorm.weight", hidden);
        Add("model.layers.0.post_attention_layernorm.weight", hidden);
    }

    public TinyCheckpoint Stored { get; }

    public TinyCheckpoint Plain { get; }

    /// <summary>Quantises every matrix. The writer stores what its format has and returns the weights that its formula gives.</summary>
    public QuantizedLlama Quantize(Func<Module, float[]> write)
    {
        foreach (var (name, outputs, inputs) in _modules)
        {
            var weights = write(new Module(this, name, outputs, inputs, _random));
            Plain.Tensors[name + ".weight"] = new TinyCheckpoint.Tensor("F32", [outputs, inputs], TestBits.Bytes(weights));
        }
        return this;
    }

    /// <summary>Converts both and compares them.</summary>
    /// <param name="only">The tensor to compare where others are kept as blocks; null for all.</param>
    public async Task<ConversionPlan> RequireSameAsync(string? only = null)
    {
        using var folder = new TemporaryFolder();
        var plain = await ConvertAsync(Plain, folder, "plain");
        var stored = await ConvertAsync(Stored, folder, "stored");
        if (only is null)
            Xunit.Assert.Equal(plain.Tensors.Select(tensor => tensor.Name).Order(), stored.Tensors.Select(tensor => tensor.Name).Order());
        foreach (var tensor in plain.Tensors.Where(tensor => only is null || tensor.Name == only))
        {
            var other = stored.Tensors.Single(candidate => candidate.Name == tensor.Name);
            var (expected, actual) = (TestBits.Floats(Data(plain, tensor)), TestBits.Floats(Data(stored, other)));
            var wrong = Enumerable.Range(0, expected.Length).FirstOrDefault(i => BitConverter.SingleToInt32Bits(expected[i] + 0f) != BitConverter.SingleToInt32Bits(actual[i] + 0f), -1);
            Xunit.Assert.True(wrong < 0, wrong < 0 ? "" : $"{tensor.Name} at {wrong}: {expected[wrong]:R} stored, {actual[wrong]:R} read");
        }
        return stored;
    }

    /// <summary>
    /// Converts the quantised checkpoint by a recipe and has the pinned libggml decode every matrix that was quantised: the weights must be those of
    /// the format's formula, and the report must say what they are.
    /// </summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="type">The type that every matrix must have.</param>
    /// <param name="tolerance">How far a weight may be off, as a fraction of its matrix's largest; 0 asks for every bit.</param>
    public async Task<ConversionResult> RequireKeptAsync(string recipe, GgmlType type, float tolerance = 0)
    {
        using var folder = new TemporaryFolder();
        var plain = await ConvertAsync(Plain, folder, "plain");
        var plan = ConversionPlan.Create(Stored.Save(folder), folder.File("kept.gguf"), new ConversionOptions { Type = recipe });
        var result = await ModelConverter.RunAsync(plan);
        var kept = plan.Tensors.Where(tensor => tensor.Sources.Any(source => _modules.Any(module => source.StartsWith(module.Module + '.', StringComparison.Ordinal)))).ToList();
        Xunit.Assert.Equal(_modules.Length, kept.Count);
        foreach (var tensor in kept)
        {
            Xunit.Assert.Equal((type, true), (tensor.Type, tensor.Lattice));
            Xunit.Assert.NotNull(tensor.LatticeKind);
            var expected = TestBits.Floats(Data(plain, plain.Tensors.Single(other => other.Name == tensor.Name)));
            var actual = GgmlOracle.Dequantize(type, Data(plan, tensor));
            var errors = expected.Zip(actual, (from, to) => Math.Abs((double)to - from)).ToList();
            var worst = errors.IndexOf(errors.Max());
            Xunit.Assert.True(errors[worst] <= expected.Max(MathF.Abs) * tolerance, $"{tensor.Name} at {worst}: {expected[worst]:R} stored, {actual[worst]:R} decoded");
            var reported = result.Tensors.Single(other => other.Name == tensor.Name);
            Xunit.Assert.Equal((errors.Count(error => error == 0), errors.Count), (reported.ExactWeights, reported.Weights));
            Xunit.Assert.Equal(errors.Max(), reported.LargestError, tolerance: errors.Max() * 1e-6);
            var rms = Math.Sqrt(errors.Average(error => error * error));
            Xunit.Assert.Equal(rms, reported.RmsError, tolerance: rms * 1e-6);
            Xunit.Assert.Equal(rms / Math.Sqrt(expected.Average(weight => (double)weight * weight)), reported.RelativeError, tolerance: 1e-6);
        }
        return result;
    }

    /// <summary>Converts the quantised checkpoint.</summary>
    public Task<ConversionResult> ConvertAsync(TemporaryFolder folder, string type) => ModelConverter.RunAsync(Plan(folder, new ConversionOptions { Type = type }));

    /// <summary>Plans a conversion of the quantised checkpoint.</summary>
    public ConversionPlan Plan(TemporaryFolder folder, ConversionOptions options) => ConversionPlan.Create(Stored.Save(folder), folder.File("model.gguf"), options);

    public static byte[] Data(ConversionPlan plan, PlannedTensor tensor) => File.ReadAllBytes(plan.Output)[(int)tensor.Offset..(int)(tensor.Offset + tensor.Bytes)];

    private static async Task<ConversionPlan> ConvertAsync(TinyCheckpoint checkpoint, TemporaryFolder folder, string name)
    {
        var saved = checkpoint.Save(folder);
        var plan = ConversionPlan.Create(saved, folder.File(name + ".gguf"), new ConversionOptions { Type = "F32" });
        await ModelConverter.RunAsync(plan);
        Directory.Delete(saved, recursive: true);
        return plan;
    }

    private static TinyCheckpoint Empty(int width, int hidden)
    {
        var checkpoint = TinyCheckpoint.Of("gptq-v1");
        checkpoint.Tensors.Clear();
        checkpoint.Config.Remove("quantization_config");
        checkpoint.Config["hidden_size"] = hidden;
        checkpoint.Config["intermediate_size"] = width;
        return checkpoint;
    }

    private void Add(string name, params long[] shape)
    {
        var weights = Enumerable.Range(0, (int)shape.Aggregate(1L, (product, length) => product * length)).Select(_ => (float)(_random.NextDouble() - 0.5)).ToArray();
        Stored.Tensors[name] = Plain.Tensors[name] = new TinyCheckpoint.Tensor("F32", shape, TestBits.Bytes(weights));
    }

    /// <summary>A matrix to be quantised.</summary>
    public sealed record Module(QuantizedLlama Model, string Name, int Outputs, int Inputs, Random Random)
    {
        /// <summary>Decides the order of activations; null for that of all modules with as many inputs, as a calibration finds it.</summary>
        public Random? Order { get; init; }

        public int[,] Codes(int rows, int columns, int least, int most) => TestBits.Fill(rows, columns, (_, _) => Random.Next(least, most + 1));

        /// <summary>Scales of so many significant bits as the model says: 7, so that F16 and BF16 hold them, unless a test wants all that its type has.</summary>
        public float[,] Scales(int rows, int columns)
        {
            var half = 1 << (Model._precision - 1);
            return TestBits.Fill(rows, columns, (_, _) => (Random.Next(half) + half) / (64f * half));
        }

        public float[] Weights(Func<int, int, float> weight)
        {
            var weights = new float[Outputs * Inputs];
            for (var n = 0; n < Outputs; n++)
            {
                for (var k = 0; k < Inputs; k++)
                    weights[(n * Inputs) + k] = weight(n, k);
            }
            return weights;
        }

        public void Store(string suffix, string type, byte[] data, params long[] shape) => Model.Stored.Tensors.Add(Name + suffix, new TinyCheckpoint.Tensor(type, shape, data));
    }
}
