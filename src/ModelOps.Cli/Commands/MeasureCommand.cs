using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops measure</c></summary>
internal static class MeasureCommand
{
    public static Command Create(CliHost host)
    {
        var model = CommandSyntax.Model();
        var text = new Option<string>("--text") { Description = "The text to measure on; - reads what is piped in.", HelpName = "FILE", Required = true };
        var reference = new Option<string?>("--reference") { Description = "The model to compare with, such as the BF16 file: gives KLD and top-1 agreement.", HelpName = "MODEL" };
        var contextLength = CommandSyntax.Number("--context", "N", "Tokens in one row.", 512, least: 2);
        var gpuLayers = CommandSyntax.GpuLayers("Layers on GPUs; auto and all are all of them.");
        var threads = CommandSyntax.Threads();
        var isolate = new Option<bool>("--isolate") { Description = "Run the engine in a process of its own." };
        return new Command("measure", "Measure perplexity on a text, and what quantising cost against a reference.") { model, text, reference, contextLength, gpuLayers, threads, isolate }
            .Does(host, async (context, parsed, cancellationToken) =>
            {
                var request = new MeasureRequest
                {
                    ModelPath = context.ResolveGguf(parsed.GetRequiredValue(model)),
                    ReferencePath = parsed.GetValue(reference) is { } name ? context.ResolveGguf(name) : null,
                    Text = await context.ReadTextAsync(parsed.GetRequiredValue(text), cancellationToken),
                    ContextLength = parsed.GetValue(contextLength),
                    GpuLayers = parsed.GetValue(gpuLayers).Count ?? -1,
                    Threads = parsed.GetValue(threads),
                };
                return await RunAsync(context, parsed.GetRequiredValue(model), parsed.GetValue(reference), request, parsed.GetValue(isolate), cancellationToken);
            });
    }

    private static async Task<int> RunAsync(CommandContext context, string model, string? reference, MeasureRequest request, bool isolate, CancellationToken cancellationToken)
    {
        await using IModelRunner runner = isolate ? new WorkerRunner(WorkerCommand.CommandLine()) : new InProcessRunner();
        QualityResult result;
        using (var progress = context.Output.Progress())
        {
            result = await runner.MeasureAsync(request, progress.Of<MeasureProgress>(Describe), cancellationToken);
        }
        result = result with { Model = model, Reference = reference };
        context.Output.Write(result, CliJson.Default.QualityResult, report => Render(report, result));
        return 0;
    }

    private static string Describe(MeasureProgress progress)
        => $"{(progress.TotalTokens == 0 ? 100 : 100 * progress.TokensDone / progress.TotalTokens),3} %  {progress.TokensDone} of {progress.TotalTokens} tokens";

    private static void Render(Report report, QualityResult result) => report.Pairs(
        ("tokens", result.Tokens.ToString()),
        ("perplexity", Sizes.Number(result.Perplexity, "0.0000")),
        ("KLD", result.Kld is { } kld ? $"{Sizes.Number(kld, "0.000000")} nats" : null),
        ("top-1", result.Top1Agreement is { } agreement ? $"{Sizes.Percent(agreement, 2)} as the reference" : null),
        ("speed", $"{Sizes.Rate(result.TokensPerSecond)} tokens/s"));
}
