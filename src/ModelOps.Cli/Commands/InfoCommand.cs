using System.Collections;
using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops info</c></summary>
internal static class InfoCommand
{
    public static Command Create(CliHost host)
    {
        var model = new Argument<string>("MODEL") { Description = "A GGUF file, a checkpoint folder, or an installed model: org/repo[:variant]." };
        var full = new Option<bool>("--full")
        {
            Description = $"Everything: all tensors in text, and arrays of more than {MetadataSummary.LongestArray} elements (vocabularies), which are otherwise given as {{ count, type }}.",
        };
        return new Command("info", "Look inside a GGUF file or a checkpoint.") { model, full }
            .Does(host, (context, parsed, _) => Task.FromResult(Run(context, parsed.GetRequiredValue(model), parsed.GetValue(full))));
    }

    private static int Run(CommandContext context, string model, bool full)
    {
        var info = ModelInfo.Read(context.Resolve(model).Path);
        if (!full)
        {
            info = info with { Metadata = MetadataSummary.Shorten(info.Metadata) };
        }
        context.Output.Write(info, CliJson.Default.ModelInfo, report => Render(report, info, full));
        return 0;
    }

    private static void Render(Report report, ModelInfo info, bool full)
    {
        report.Pairs(
            ("path", info.Path),
            ("architecture", info.Architecture),
            ("parameters", Sizes.Count(info.Parameters)),
            ("context", info.ContextLength is { } length ? $"{length} tokens" : null),
            ("quantization", info.Quantization),
            ("size", $"{Sizes.Bytes(info.Bytes)}, {Sizes.Number(info.Bytes * 8.0 / Math.Max(1, info.Parameters), "0.00")} bits a weight"),
            ("tensors", $"{info.Tensors.Count} ({string.Join(", ", info.Tensors.CountBy(tensor => tensor.Type).OrderByDescending(group => group.Value).Select(group => $"{group.Value} {group.Key}"))})"));
        report.Line();
        report.Title("Metadata");
        var width = full ? int.MaxValue : 60;
        report.Pairs([.. info.Metadata.Select(pair => (pair.Key, (string?)Printable.Line(Text(pair.Value), width)))]);
        if (full)
        {
            report.Line();
            report.Table([new("Tensor", Wrap: true), new("Type"), new("Shape", Right: true), new("Size", Right: true)],
                info.Tensors.Select(tensor => new[] { tensor.Name, tensor.Type, string.Join(" × ", tensor.Shape), Sizes.Bytes(tensor.Bytes) }));
        }
    }

    private static string Text(object value) => value switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        LongArray array => $"{array.Count} × {array.Type}",
        JsonElement element => element.ValueKind == JsonValueKind.String ? element.GetString()! : element.GetRawText(),
        IEnumerable items => $"[{string.Join(", ", items.Cast<object>().Select(Text))}]",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? "",
    };
}
