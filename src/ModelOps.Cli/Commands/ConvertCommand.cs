using System.CommandLine;
using System.Globalization;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops convert</c></summary>
internal static class ConvertCommand
{
    public static Command Create(CliHost host)
    {
        var source = new Argument<string?>("SOURCE") { Description = "A checkpoint folder, a GGUF file (any of its shards), an installed model: org/repo[:variant], or the folder of a LoRA adapter; with --remote a repository of the hub.", Arity = ArgumentArity.ZeroOrOne };
        var recipe = new RecipeSyntax();
        var target = new TargetSyntax();
        var output = new Option<string?>("--output", "-o") { Description = "The GGUF file to write; otherwise <name>-<TYPE>.gguf in the current folder.", HelpName = "FILE" };
        var projector = new Option<bool>("--mmproj") { Description = "Convert the vision tower to a projector (mmproj-<name>-<TYPE>.gguf) instead of the language model." };
        var noLattice = new Option<bool>("--no-lattice") { Description = "Round as llama.cpp does, even where the weights lie on a quantization lattice (trained, or of a quantised checkpoint) that could be kept." };
        var pre = new Option<string?>("--pre") { Description = "llama.cpp's name of the pre-tokenizer, where tokenizer.json's is not recognised; a wrong one tokenises wrongly without an error.", HelpName = "NAME" };
        var imatrix = new Option<string?>("--imatrix") { Description = "An importance matrix, measured by llama-imatrix on this model: types of blocks round more finely what matters more.", HelpName = "FILE" };
        var lora = new Option<string[]>("--lora") { Description = "A LoRA adapter's folder to merge into the model, and how strongly; may be given several times.", HelpName = "FOLDER[:SCALE]" };
        var baseModel = new Option<string?>("--base") { Description = "When SOURCE is an adapter: the model that it adapts, a folder or org/repo; otherwise the one that the adapter names.", HelpName = "MODEL" };
        var remote = new Option<bool>("--remote") { Description = "SOURCE is a repository of the hub; its weights are converted as they arrive, without being stored." };
        var revision = new Option<string?>("--revision") { Description = "Branch, tag or commit for --remote; otherwise main.", HelpName = "R" };
        var name = new Option<string?>("--name") { Description = "Name of the model inside the file (general.name); otherwise the checkpoint's own.", HelpName = "NAME" };
        var threads = CommandSyntax.Threads();
        var memory = CommandSyntax.Size("--memory", "SIZE", "Memory for weights under way, such as 1GB; 512MB unless said. The result does not depend on it.", ConversionOptions.LeastMemoryBytes);
        var split = CommandSyntax.Size("--split-max-size", "SIZE", "Write several files, each with at most so much of the weights, such as 2GB (of 1024): NAME-00001-of-00003.gguf, as llama.cpp names and reads them.", 1);
        var noProvenance = new Option<bool>("--no-provenance") { Description = "Leave out the modelops.* metadata: the SHA-256 of the source's files, the recipe, the version." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the plan and write nothing." };
        var force = new Option<bool>("--force") { Description = "Replace the output file if it is there." };
        var list = new Option<bool>("--list-architectures") { Description = "List what can be converted, and how each is verified." };
        var command = new Command("convert", "Convert a checkpoint (safetensors) or a GGUF file to a GGUF file, quantised or not, in one pass.")
        {
            source, output, projector, noLattice, pre, imatrix, lora, baseModel, remote, revision, name, threads, memory, split, noProvenance, dryRun, force, list,
        };
        foreach (var (index, option) in recipe.Options.Concat(target.Options).Index())
            command.Options.Insert(index, option);
        return command.Does(host, async (context, parsed, cancellationToken) =>
        {
            if (parsed.GetValue(list))
            {
                context.Output.Write(new ArchitectureListing(SupportedArchitecture.All, SupportedProjector.All), CliJson.Default.ArchitectureListing, Render);
                return 0;
            }
            var limit = await target.ReadAsync(context, parsed, cancellationToken);
            var chosen = limit is not null ? new RecipeFile(ConversionTarget.TypeName, recipe.ReadPins(parsed)) : recipe.Read(context, parsed) ?? throw Missing("--type TYPE, --recipe FILE, --target-size SIZE, or --fit");
            var options = new ConversionOptions
            {
                Type = chosen.Type,
                Overrides = chosen.Overrides,
                Target = limit,
                Projector = parsed.GetValue(projector),
                ModelName = parsed.GetValue(name),
                PreTokenizer = parsed.GetValue(pre),
                ImportanceMatrix = parsed.GetValue(imatrix) is { } matrix ? context.FullPath(matrix) : null,
                Adapters = [.. (parsed.GetValue(lora) ?? []).Select(AdapterMerge.Parse).Select(adapter => adapter with { Path = context.FullPath(adapter.Path) })],
                BaseModel = parsed.GetValue(baseModel),
                KeepLattice = !parsed.GetValue(noLattice),
                Threads = parsed.GetValue(threads),
                MemoryBytes = parsed.GetValue(memory) ?? new ConversionOptions().MemoryBytes,
                SplitMaxBytes = parsed.GetValue(split),
                Provenance = !parsed.GetValue(noProvenance),
                Overwrite = parsed.GetValue(force),
            };
            var asked = new ConversionRequest(parsed.GetValue(source) ?? throw Missing("SOURCE"), parsed.GetValue(output), parsed.GetValue(remote), parsed.GetValue(revision));
            return await RunAsync(context, asked, options, parsed.GetValue(dryRun), cancellationToken);
        });
    }

    private static async Task<int> RunAsync(CommandContext context, ConversionRequest request, ConversionOptions options, bool dryRun, CancellationToken cancellationToken)
    {
        using var hub = request.Remote ? context.OpenHub() : null;
        var plan = await request.PlanAsync(context, hub, options, cancellationToken);
        foreach (var warning in plan.Warnings)
        {
            context.Output.Note($"warning: {warning}");
        }
        if (dryRun)
        {
            var shown = plan with { Metadata = MetadataSummary.Shorten(plan.Metadata) };
            context.Output.Write(shown, CliJson.Default.ConversionPlan, report => Render(report, plan));
            return 0;
        }
        ConversionResult result;
        using (var progress = context.Output.Progress())
        {
            result = await ModelConverter.RunAsync(plan, progress.Of<ConversionProgress>(Describe), cancellationToken);
        }
        context.Output.Write(result, CliJson.Default.ConversionResult, report => Render(report, result));
        return 0;
    }

    // --list-architectures needs neither, so the parser cannot ask for them.
    private static ModelOpsException Missing(string what) => new(ErrorKind.InvalidArgument, $"A conversion needs {what}.", "See 'modelops convert --help'.");

    private static string Describe(ConversionProgress progress)
        => $"{(progress.TotalBytes == 0 ? 100 : 100 * progress.BytesWritten / progress.TotalBytes),3} %  {Sizes.Bytes(progress.BytesWritten)} of {Sizes.Bytes(progress.TotalBytes)}  {progress.Tensor}";

    private static void Render(Report report)
    {
        report.Table([new("Class in config.json", Wrap: true), new("GGUF"), new("Verified by", Wrap: true)],
            SupportedArchitecture.All.Select(architecture => new[] { string.Join(", ", architecture.ClassNames), architecture.Architecture, Describe(architecture.Evidence) }));
        report.Line();
        report.Table([new("Vision tower of (--mmproj)", Wrap: true), new("Projector"), new("Verified by", Wrap: true)],
            SupportedProjector.All.Select(projector => new[] { string.Join(", ", projector.ClassNames), projector.Projector, Describe(projector.Evidence) }));
    }

    private static string Describe(ArchitectureEvidence evidence) => evidence switch
    {
        ArchitectureEvidence.OfficialFile => "the same bytes as llama.cpp's converter",
        ArchitectureEvidence.EqualLogits => "the same logits as an equal model",
        ArchitectureEvidence.ReferenceForward => "the logits of an independent forward pass",
        _ => throw new ArgumentOutOfRangeException(nameof(evidence)),
    };

    private static void Render(Report report, ConversionPlan plan)
    {
        report.Pairs(
            ("source", plan.Source),
            ("quantised already", plan.SourceQuantization),
            ("output", plan.Files.Count == 1 ? plan.Output : $"{plan.Output} and {plan.Files.Count - 1} more"),
            ("architecture", plan.Architecture),
            ("type", plan.Recipe.ToString()),
            ("size", $"{Sizes.Bytes(plan.Bytes)} in {plan.Tensors.Count} tensors"),
            ("note", Notes(plan.Notes)),
            ("download", plan.DownloadBytes > 0 ? $"{Sizes.Bytes(plan.DownloadBytes)} of weights, not stored" : null),
            ("blocks do not fit", plan.Fallbacks.Count > 0 ? $"{plan.Fallbacks.Count} tensors, {Sizes.Bytes(plan.FallbackBytes)} more than in the types that were wanted" : null),
            ("lattice kept", plan.Options.KeepLattice ? $"{plan.Tensors.Count(tensor => tensor.Lattice)} tensors" : "not looked for"));
        report.Line();
        report.Table([new("Tensor", Wrap: true), new("Type"), new("Shape", Right: true), new("Size", Right: true), new("Lattice kept", Wrap: true)],
            plan.Tensors.Select(tensor => new[] { tensor.Name, tensor.Type.ToString(), string.Join(" × ", tensor.Shape), Sizes.Bytes(tensor.Bytes), tensor.LatticeKind ?? "" }));
        if (plan.Fallbacks.Count > 0)
            RenderFallbacks(report, plan);
        if (plan.Mixture is { } mixture)
            MixtureReport.Render(report, mixture);
    }

    private static void RenderFallbacks(Report report, ConversionPlan plan)
    {
        report.Line();
        report.Table([new("Rows of", Right: true), new("Wanted"), new("Instead"), new("Tensors", Right: true), new("Bits more", Right: true), new("More", Right: true), new("Such as", Wrap: true)],
            [.. plan.Fallbacks.GroupBy(fallback => (fallback.RowLength, fallback.Wanted, fallback.Type)).OrderByDescending(group => group.Sum(fallback => fallback.ExtraBytes)).Select(group => new[]
            {
                $"{group.Key.RowLength}", $"{group.Key.Wanted}", $"{group.Key.Type}", $"{group.Count()}", Sizes.Number(group.First().ExtraBitsPerWeight, "0.00"), Sizes.Bytes(group.Sum(fallback => fallback.ExtraBytes)), group.First().Name,
            })]);
    }

    private static void Render(Report report, ConversionResult result)
    {
        report.Pairs(
            ("output", result.Files.Count == 1 ? result.Output : $"{result.Output} and {result.Files.Count - 1} more"),
            ("type", $"{result.Recipe} ({string.Join(", ", result.Tensors.CountBy(tensor => tensor.Type).OrderByDescending(group => group.Value).Select(group => $"{group.Value} {group.Key}"))})"),
            ("size", Sizes.Bytes(result.Bytes)),
            ("bit-exact", $"{Sizes.Percent(result.ExactFraction, 2)} of all weights"),
            ("lattice", result.LatticeExactFraction is { } fraction ? $"kept in {result.Tensors.Count(tensor => tensor.Lattice)} tensors, {Sizes.Percent(fraction, 2)} of their weights bit-exact" : null),
            ("errors", result.LargestError > 0 ? $"{Error(result.LargestError)} at most, {Error(result.RmsError)} root mean square; {Sizes.Percent(result.RelativeError, 3)} of the weights' in what was encoded" : "none"),
            ("time", Sizes.Seconds(result.Seconds)),
            ("note", Notes(result.Notes)));
        report.Line();
        report.Table([new("Type"), new("Lattice", Wrap: true), new("Tensors", Right: true), new("Size", Right: true), new("Bit-exact", Right: true), new("Largest error", Right: true), new("RMS error", Right: true)],
            result.Tensors.GroupBy(tensor => (tensor.Type, tensor.LatticeKind)).OrderByDescending(group => group.Sum(tensor => tensor.Bytes)).Select(Row));
    }

    private static string[] Row(IGrouping<(GgmlType Type, string? LatticeKind), ConvertedTensor> group)
    {
        var weights = group.Sum(tensor => tensor.Weights);
        return
        [
            group.Key.Type.ToString(), group.Key.LatticeKind ?? "", group.Count().ToString(CultureInfo.InvariantCulture), Sizes.Bytes(group.Sum(tensor => tensor.Bytes)),
            weights == 0 ? "" : Sizes.Percent((double)group.Sum(tensor => tensor.ExactWeights) / weights, 2), Error(group.Max(tensor => tensor.LargestError)),
            weights == 0 ? "" : Error(Math.Sqrt(group.Sum(tensor => tensor.RmsError * tensor.RmsError * tensor.Weights) / weights)),
        ];
    }

    private static string Error(double error) => error == 0 ? "0" : Sizes.Number(error, "0.00e+0");

    private static string? Notes(IReadOnlyList<string> notes) => notes.Count == 0 ? null : string.Join(' ', notes);
}
