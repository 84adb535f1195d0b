using System.Text.Json.Nodes;

namespace ModelOps.Export;

/// <summary><c>quantization_config</c> of a folder with packed integers (compressed_tensors/quantization/quant_config.py, quant_args.py).</summary>
internal static class CompressedTensorsConfig
{
    private const string Format = "pack-quantized";

    /// <summary>A release whose schema has these fields and no others; 4 and 8 bits are packed alike before and after.</summary>
    private const string Version = "0.10.2";

    public static void Write(JsonObject config, IReadOnlyList<ExportItem> items)
    {
        // How an item is stored decides its group: the order of activations is said there too.
        var groups = items.Where(item => item.Scheme is not null).GroupBy(item => (item.Scheme!, IsOrdered: item.Parts.Any(part => part.Suffix == ".weight_g_idx"))).ToList();
        if (groups.Count == 0)
            return;
        var described = new JsonObject();
        foreach (var group in groups.OrderByDescending(group => group.Sum(item => item.Weights)))
        {
            // vLLM looks for "Linear" before it looks at the parts of a fused module: beside it, single names would not be found.
            JsonArray targets = groups.Count == 1 ? ["Linear"] : [.. group.Select(item => JsonValue.Create(item.Module))];
            described[$"group_{described.Count}"] = new JsonObject
            {
                ["input_activations"] = null,
                ["output_activations"] = null,
                ["targets"] = targets,
                ["weights"] = Weights(group.Key.Item1, group.Key.IsOrdered),
            };
        }
        config["quantization_config"] = new JsonObject
        {
            ["config_groups"] = described,
            ["format"] = Format,
            ["global_compression_ratio"] = null,
            ["ignore"] = new JsonArray([.. Ignored(items).Select(name => JsonValue.Create(name))]),
            ["kv_cache_scheme"] = null,
            ["quant_method"] = "compressed-tensors",
            ["quantization_status"] = "compressed",
            ["version"] = Version,
        };
    }

    private static JsonObject Weights(ExportScheme scheme, bool isOrdered) => new()
    {
        ["actorder"] = isOrdered ? "group" : null,
        ["block_structure"] = null,
        ["dynamic"] = false,
        ["group_size"] = scheme.GroupSize,
        ["num_bits"] = scheme.Bits,
        ["observer"] = "minmax",
        ["observer_kwargs"] = new JsonObject(),
        ["strategy"] = scheme.GroupSize is null ? "channel" : "group",
        ["symmetric"] = scheme.IsSymmetric,
        ["type"] = "int",
    };

    /// <summary>Linear modules that are not quantised; a tied head has no tensor of its own, and is one all the same.</summary>
    private static IEnumerable<string> Ignored(IReadOnlyList<ExportItem> items)
        => items.Where(item => item.Scheme is null && item.Tensor.Shape.Count == 2 && item.Name.EndsWith(".weight", StringComparison.Ordinal) && item.Source.Kind is TensorKind.Linear or TensorKind.Head or TensorKind.OtherModality)
            .Select(item => item.Module).Append("lm_head").Distinct(StringComparer.Ordinal);
}
