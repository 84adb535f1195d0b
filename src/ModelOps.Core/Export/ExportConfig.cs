using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ModelOps.Export;

/// <summary>config.json of the folder: the source's, with what is said of quantisation and of the type of numbers replaced.</summary>
internal static class ExportConfig
{
    private static readonly string[] Quantization = ["quantization_config", "compression_config", "quantization"];

    /// <summary>The library's fifth version says dtype, older ones torch_dtype.</summary>
    private static readonly string[] Types = ["dtype", "torch_dtype"];

    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(ExportSource source, ExportContainer container, IReadOnlyList<ExportItem> items, SafetensorsType number)
    {
        var config = JsonObject.Create(source.Config.Root.Clone()) ?? [];
        List<JsonObject> parts = config["text_config"] is JsonObject text ? [config, text] : [config];
        foreach (var part in parts)
        {
            foreach (var key in Quantization)
                part.Remove(key);
            foreach (var key in Types.Where(key => part[key] is not null))
                part[key] = Name(number);
        }
        if (!parts.Exists(part => Types.Any(key => part[key] is not null)))
            config[Types[1]] = Name(number);
        container.Describe(config, items);
        return JsonSerializer.SerializeToUtf8Bytes(config, Readable);
    }

    private static string Name(SafetensorsType number) => number == SafetensorsType.BF16 ? "bfloat16" : "float16";
}
