using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops convert</c></summary>
internal static class ConvertCommand
{
    public static Command Create(CliHost host)
    {
        var source = new Argument<string>("SOURCE") { Description = "A checkpoint folder, or an installed checkpoint: org/repo." };
        var type = new Option<string>("--type") { Description = $"The recipe: {string.Join(", ", Recipe.All.Select(recipe => recipe.Name))}.", HelpName = "TYPE", Required = true };
        type.CompletionSources.Add(_ => Recipe.All.Select(recipe => new System.CommandLine.Completions.CompletionItem(recipe.Name)));
        var output = new Option<string?>("--output", "-o") { Description = "The GGUF file to write; otherwise <name>-<TYPE>.gguf in the current folder.", HelpName = "FILE" };
        var noLattice = new Option<bool>("--no-lattice") { Description = "Round as llama.cpp does, even where the weights lie on a quantization lattice that could be kept." };
        var threads = CommandSyntax.Threads();
        var dryRun = new Option<bool>("--dry-run") { Description = "Print the plan and write nothing." };
        var force = new Option<bool>("--force") { Description = "Replace the output file if it is there." };
        return new Command("convert", "Convert a checkpoint (safetensors) to a GGUF file, quantised or not, in one pass.")
        {
            source, type, output, noLattice, threads, dryRun, force,
        }.Does(host, (context, parsed, cancellationToken) =>
        {
            var options = new ConversionOptions
            {
                Type = parsed.GetRequiredValue(type),
                KeepLattice = !parsed.GetValue(noLattice),
                Threads = parsed.GetValue(threads),
                Overwrite = parsed.GetValue(force),
            };
            return RunAsync(context, parsed.GetRequiredValue(source), parsed.GetValue(output), options, parsed.GetValue(dryRun), cancellationToken);
        });
    }

    private static async Task<int> RunAsync(CommandContext context, string source, string? output, ConversionOptions options, bool dryRun, CancellationToken cancellationToken)
    {
        var recipe = Recipe.Parse(options.Type);
        options = options with { Type = recipe.Name };
        var checkpoint = context.OpenStore().ResolveCheckpoint(source);
        var plan = ConversionPlan.Create(checkpoint.Path, context.FullPath(output ?? $"{NameOf(checkpoint)}-{recipe.Name}.gguf"), options);
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

    private static string NameOf(ResolvedModel checkpoint)
        => checkpoint.Repository is { } repository ? repository[(repository.IndexOf('/') + 1)..] : Path.GetFileName(Path.TrimEndingDirectorySeparator(checkpoint.Path));

    private static string Describe(ConversionProgress progress)
        => $"{(progress.TotalBytes == 0 ? 100 : 100 * progress.BytesWritten / progress.TotalBytes),3} %  {Sizes.Bytes(progress.BytesWritten)} of {Sizes.Bytes(progress.TotalBytes)}  {progress.Tensor}";

    private static void Render(Report report, ConversionPlan plan)
    {
        report.Pairs(
            ("source", plan.Source),
            ("output", plan.Output),
            ("architecture", plan.Architecture),
            ("type", plan.Type),
            ("size", $"{Sizes.Bytes(plan.Bytes)} in {plan.Tensors.Count} tensors"),
            ("lattice kept", plan.Options.KeepLattice ? $"{plan.Tensors.Count(tensor => tensor.Lattice)} tensors" : "not looked for"));
        report.Line();
        report.Table([new("Tensor", Wrap: true), new("Type"), new("Shape", Right: true), new("Size", Right: true), new("Lattice")],
            plan.Tensors.Select(tensor => new[] { tensor.Name, tensor.Type.ToString(), string.Join(" × ", tensor.Shape), Sizes.Bytes(tensor.Bytes), tensor.Lattice ? "kept" : "" }));
    }

    private static void Render(Report report, ConversionResult result)
    {
        report.Pairs(
            ("output", result.Output),
            ("type", $"{result.Type} ({string.Join(", ", result.Tensors.CountBy(tensor => tensor.Type).OrderByDescending(group => group.Value).Select(group => $"{group.Value} {group.Key}"))})"),
            ("size", Sizes.Bytes(result.Bytes)),
            ("bit-exact", $"{Sizes.Percent(result.ExactFraction, 2)} of all weights"),
            ("lattice", result.LatticeExactFraction is { } fraction ? $"kept in {result.Tensors.Count(tensor => tensor.Lattice)} tensors, {Sizes.Percent(fraction, 2)} of their weights bit-exact" : null),
            ("time", Sizes.Seconds(result.Seconds)));
    }
}
