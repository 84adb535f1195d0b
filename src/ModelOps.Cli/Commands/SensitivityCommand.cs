using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops sensitivity</c></summary>
internal static class SensitivityCommand
{
    public static Command Create(CliHost host)
    {
        var source = new Argument<string>("SOURCE") { Description = "What is to be converted: a checkpoint folder, a GGUF file, or an installed model: org/repo[:variant]." };
        var text = new Option<string>("--text") { Description = "The text to measure on, like what the model is used for; - reads what is piped in.", HelpName = "FILE", Required = true };
        var output = new Option<string?>("--output", "-o") { Description = "The file to write, for 'modelops convert --target-size SIZE --sensitivity FILE'.", HelpName = "FILE" };
        var force = new Option<bool>("--force") { Description = "Replace the output file if it is there." };
        var contextLength = CommandSyntax.Number("--context", "N", "Tokens in one row.", 512, least: 2);
        var tokens = CommandSyntax.Number("--tokens", "N", "Most tokens of the text to score for each tensor.", 8192, least: 2);
        var imatrix = new Option<string?>("--imatrix") { Description = "The importance matrix that the conversion will have.", HelpName = "FILE" };
        var workFolder = new Option<string?>("--work-folder") { Description = "Folder for the model in BF16 while measuring; otherwise the system's temporary one.", HelpName = "FOLDER" };
        var gpuLayers = CommandSyntax.GpuLayers("Layers on GPUs; auto and all are all of them.");
        var threads = CommandSyntax.Threads();
        var isolate = new Option<bool>("--isolate") { Description = "Run the engine in a process of its own." };
        return new Command("sensitivity", "Measure what rounding each tensor costs, for conversions to a size. Evaluates the text once a tensor.")
        {
            source, text, output, force, contextLength, tokens, imatrix, workFolder, gpuLayers, threads, isolate,
        }.Does(host, async (context, parsed, cancellationToken) =>
        {
            var file = parsed.GetRequiredValue(text);
            var place = parsed.GetValue(output) is { } path ? context.FullPath(path) : null;
            if (place is not null)
            {
                SensitivityTable.RequirePlace(place, parsed.GetValue(force));
            }
            var request = new SensitivityRequest
            {
                Source = context.OpenStore().ResolveSource(parsed.GetRequiredValue(source)).Path,
                Text = await context.ReadTextAsync(file, cancellationToken),
                TextName = file == "-" ? null : Path.GetFileName(file),
                ContextLength = parsed.GetValue(contextLength),
                MostTokens = parsed.GetValue(tokens),
                ImportanceMatrix = parsed.GetValue(imatrix) is { } matrix ? context.FullPath(matrix) : null,
                WorkFolder = parsed.GetValue(workFolder) is { } folder ? context.FullPath(folder) : null,
                GpuLayers = parsed.GetValue(gpuLayers).Count ?? -1,
                Threads = parsed.GetValue(threads),
            };
            await using IModelRunner runner = parsed.GetValue(isolate) ? new WorkerRunner(WorkerCommand.CommandLine()) : new InProcessRunner();
            SensitivityTable table;
            using (var progress = context.Output.Progress())
            {
                table = await runner.MeasureSensitivityAsync(request, progress.Of<SensitivityProgress>(Describe), cancellationToken);
            }
            table = table with { Source = parsed.GetRequiredValue(source) };
            if (place is not null)
            {
                table.Write(place, parsed.GetValue(force));
            }
            context.Output.Write(table, CliJson.Default.SensitivityTable, report => Render(report, table));
            return 0;
        });
    }

    private static string Describe(SensitivityProgress progress) => $"{100 * progress.StepsDone / progress.TotalSteps,3} %  {progress.Step}";

    private static void Render(Report report, SensitivityTable table)
    {
        report.Table([new("Tensor", Wrap: true), new("Gain", Right: true), new("KLD", Right: true), new("Error", Right: true), new("Rounded to")],
            table.Tensors.OrderByDescending(tensor => tensor.Gain).Select(tensor => new[] { tensor.Name, Sizes.Number(tensor.Gain, "0.00000"), Sizes.Number(tensor.Kld, "0.000000"), Sizes.Number(tensor.Error, "0.00000"), tensor.Type.ToString() }));
        report.Line();
        report.Line($"Gain: nats of KL divergence for a relative squared error of 1; {table.Tokens} tokens for each tensor.");
    }
}
