using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops export</c></summary>
internal static class ExportCommand
{
    private static readonly ExportOptions Defaults = new() { Format = ExportFormat.Mlx };

    public static Command Create(CliHost host)
    {
        var source = new Argument<string>("SOURCE") { Description = "A checkpoint folder, a GGUF file (any of its shards), or an installed model: org/repo[:variant].", HelpName = "SOURCE" };
        var to = new Option<string>("--to") { Description = "Whose folder: mlx (mlx-lm), or compressed-tensors (vLLM, SGLang, transformers).", HelpName = "FORMAT", Required = true };
        to.CompletionSources.Add(_ => ExportFormats.Names.Select(name => new System.CommandLine.Completions.CompletionItem(name)));
        var output = new Option<string>("--output", "-o") { Description = "The folder to write.", HelpName = "FOLDER", Required = true };
        var baseModel = new Option<string?>("--base") { Description = "For a GGUF file: the checkpoint that it was made from, a folder or org/repo, for config.json, the tokenizer and the names.", HelpName = "MODEL" };
        var bits = CommandSyntax.OptionalNumber("--bits", "N", "Bits of the codes that weights without a lattice are rounded to, 4 or 8; otherwise 4, and 8 for what is quantised to more than 5 already.", least: 1);
        var group = CommandSyntax.Number("--group-size", "N", "Weights that share a scale where they are rounded: 32, 64 or 128.", Defaults.GroupSize, least: 1);
        var number = new Option<string?>("--dtype") { Description = "Type of scales and of what is not quantised, BF16 or F16; otherwise the one that fits the source.", HelpName = "TYPE" };
        number.CompletionSources.Add(_ => [new("BF16"), new("F16")]);
        var noLattice = new Option<bool>("--no-lattice") { Description = "Round all weights anew, even where they lie on a quantization lattice that could be kept." };
        var threads = CommandSyntax.Threads();
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the plan and write nothing." };
        var force = new Option<bool>("--force") { Description = "Replace a model folder that is there." };
        return new Command("export", "Write a model as the folder that MLX, vLLM or SGLang load, with its quantization lattice kept.")
        {
            source, to, output, baseModel, bits, group, number, noLattice, threads, dryRun, force,
        }.Does(host, (context, parsed, cancellationToken) =>
        {
            var store = context.OpenStore();
            var options = new ExportOptions
            {
                Format = ExportFormats.Parse(parsed.GetValue(to)!),
                KeepLattice = !parsed.GetValue(noLattice),
                Bits = parsed.GetValue(bits),
                GroupSize = parsed.GetValue(group),
                NumberType = parsed.GetValue(number),
                BaseModel = parsed.GetValue(baseModel) is { } model ? ExportBase.Find(store, model) : null,
                Threads = parsed.GetValue(threads),
                Overwrite = parsed.GetValue(force),
            };
            return RunAsync(context, ExportPlan.Create(store.ResolveSource(parsed.GetValue(source)!).Path, context.FullPath(parsed.GetValue(output)!), options), parsed.GetValue(dryRun), cancellationToken);
        });
    }

    private static async Task<int> RunAsync(CommandContext context, ExportPlan plan, bool dryRun, CancellationToken cancellationToken)
    {
        foreach (var warning in plan.Warnings)
        {
            context.Output.Note($"warning: {warning}");
        }
        if (dryRun)
        {
            context.Output.Write(plan, CliJson.Default.ExportPlan, report => Render(report, plan));
            return 0;
        }
        ExportResult result;
        using (var progress = context.Output.Progress())
        {
            result = await ModelExporter.RunAsync(plan, progress.Of<ExportProgress>(Describe), cancellationToken);
        }
        context.Output.Write(result, CliJson.Default.ExportResult, report => Render(report, result));
        return 0;
    }

    private static string Describe(ExportProgress progress)
        => $"{(progress.TotalBytes == 0 ? 100 : 100 * progress.BytesWritten / progress.TotalBytes),3} %  {Sizes.Bytes(progress.BytesWritten)} of {Sizes.Bytes(progress.TotalBytes)}  {progress.Tensor}";

    private static void Render(Report report, ExportPlan plan)
    {
        report.Pairs(
            ("source", plan.Source),
            ("quantised already", plan.SourceQuantization),
            ("output", plan.Output),
            ("for", ExportFormats.NameOf(plan.Format)),
            ("architecture", plan.Architecture),
            ("numbers", plan.NumberType),
            ("size", $"{Sizes.Bytes(plan.Bytes)} in {plan.Files.Count} files"),
            ("lattice kept", plan.Options.KeepLattice ? $"{plan.Tensors.Count(tensor => tensor.Treatment == ExportTreatment.Lattice)} tensors" : "not looked for"),
            ("rounded", $"{plan.Tensors.Count(tensor => tensor.Treatment == ExportTreatment.Rounded)} tensors"),
            ("note", Notes(plan.Notes)));
        report.Line();
        report.Table([new("Tensor", Wrap: true), new("Shape", Right: true), new("Size", Right: true), new("Stored as", Wrap: true)],
            plan.Tensors.Select(tensor => new[] { tensor.Name, string.Join(" × ", tensor.Shape), Sizes.Bytes(tensor.Bytes), Describe(tensor) }));
    }

    private static string Describe(PlannedExportTensor tensor) => tensor.Scheme is null ? "numbers" : $"{tensor.Scheme}, {(tensor.Treatment == ExportTreatment.Lattice ? "kept" : "rounded")}";

    private static void Render(Report report, ExportResult result)
    {
        var schemes = result.Tensors.Where(tensor => tensor.Scheme is not null).CountBy(tensor => tensor.Scheme!.ToString()).OrderByDescending(group => group.Value);
        report.Pairs(
            ("output", result.Output),
            ("for", ExportFormats.NameOf(result.Format)),
            ("stored as", string.Join("; ", schemes.Select(group => $"{group.Value} tensors {group.Key}").Append($"numbers {result.NumberType}"))),
            ("size", Sizes.Bytes(result.Bytes)),
            ("bit-exact", $"{Sizes.Percent(result.ExactFraction, 2)} of all weights"),
            ("lattice", result.LatticeExactFraction is { } fraction ? $"kept in {result.Tensors.Count(tensor => tensor.Treatment == ExportTreatment.Lattice)} tensors, {Sizes.Percent(fraction, 2)} of their weights bit-exact" : null),
            ("error", result.RmsError == 0 ? null : FormattableString.Invariant($"{result.RelativeError:0.0e+0} of the weights (root mean square), at most {result.LargestError:0.0e+0}")),
            ("time", Sizes.Seconds(result.Seconds)),
            ("note", Notes(result.Notes)));
    }

    private static string? Notes(IReadOnlyList<string> notes) => notes.Count == 0 ? null : string.Join(' ', notes);
}
