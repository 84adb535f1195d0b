using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops bench</c></summary>
internal static class BenchCommand
{
    public static Command Create(CliHost host)
    {
        var model = new Argument<string?>("MODEL") { Description = "A GGUF file, or an installed model: org/repo[:variant].", Arity = ArgumentArity.ZeroOrOne };
        var prompt = CommandSyntax.Number("--prompt", "N", "Tokens of the prompt; 0 leaves it out.", 512, least: 0);
        var generate = CommandSyntax.Number("--generate", "N", "Tokens to generate; 0 leaves it out.", 128, least: 0);
        var depth = CommandSyntax.Number("--depth", "N", "Tokens in the context before the clock starts.", 0, least: 0);
        depth.Aliases.Add("-d");
        var repetitions = CommandSyntax.Number("--repetitions", "N", "How often each is measured, after a warm-up.", 5, least: 1);
        repetitions.Aliases.Add("-r");
        var gpuLayers = CommandSyntax.GpuLayers("Layers on GPUs; auto and all are all of them.");
        var threads = CommandSyntax.Threads();
        var isolate = new Option<bool>("--isolate") { Description = "Run the engine in a process of its own." };
        var calibrate = new Option<bool>("--calibrate") { Description = "Time models of random weights instead, once, so that 'fit' tells this machine's own speed. Takes minutes." };
        var workFolder = new Option<string?>("--work-folder") { Description = "With --calibrate: folder for those models, 400 MB at a time; otherwise the system's temporary one.", HelpName = "FOLDER" };
        return new Command("bench", "Measure how fast a model reads a prompt and generates, as llama-bench does.")
        {
            model, prompt, generate, depth, repetitions, gpuLayers, threads, isolate, calibrate, workFolder,
        }.Does(host, async (context, parsed, cancellationToken) =>
        {
            var name = parsed.GetValue(model);
            if (parsed.GetValue(calibrate) == (name is not null))
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, name is null ? "Which model is to be measured?" : "A calibration takes no model: it writes its own.",
                    "Give a model, or --calibrate to measure the machine.");
            }
            await using IModelRunner runner = parsed.GetValue(isolate) ? new WorkerRunner(WorkerCommand.CommandLine()) : new InProcessRunner();
            if (name is null)
            {
                return await CalibrateAsync(context, runner, parsed.GetValue(workFolder), parsed.GetValue(threads), cancellationToken);
            }
            var request = new SpeedRequest
            {
                ModelPath = context.ResolveGguf(name),
                PromptTokens = parsed.GetValue(prompt),
                GeneratedTokens = parsed.GetValue(generate),
                Depth = parsed.GetValue(depth),
                Repetitions = parsed.GetValue(repetitions),
                Parameters = new() { GpuLayers = parsed.GetValue(gpuLayers).Count ?? -1 },
                Threads = parsed.GetValue(threads),
            };
            SpeedResult result;
            using (var progress = context.Output.Progress())
            {
                result = await runner.MeasureSpeedAsync(request, progress.Of<SpeedProgress>(Describe), cancellationToken) with { Model = name };
            }
            context.Output.Write(result, CliJson.Default.SpeedResult, report => Render(report, result));
            return 0;
        });
    }

    private static async Task<int> CalibrateAsync(CommandContext context, IModelRunner runner, string? workFolder, int threads, CancellationToken cancellationToken)
    {
        var machine = LocalMachine.Read(null, context.MachineSettings);
        var request = new CalibrationRequest { Machine = await CommandContext.WithEngineAsync(machine, cancellationToken), WorkFolder = workFolder is null ? null : context.FullPath(workFolder), Threads = threads };
        SpeedCalibration calibration;
        using (var progress = context.Output.Progress())
        {
            calibration = await runner.CalibrateAsync(request, progress.Of<SpeedProgress>(Describe), cancellationToken);
        }
        var path = LocalMachine.Keep(machine, calibration, context.MachineSettings);
        context.Output.Write(calibration, CliJson.Default.SpeedCalibration, report =>
        {
            CalibrationReport.Render(report, calibration);
            report.Line();
            report.Remark(path is null ? "It could not be kept: this user has no home folder." : $"Kept at {path}; fit uses it from now on.");
        });
        return 0;
    }

    private static string Describe(SpeedProgress progress) => $"{100 * progress.StepsDone / Math.Max(1, progress.TotalSteps),3} %  {progress.Step}";

    private static void Render(Report report, SpeedResult result)
    {
        report.Pairs(
            ("model", $"{result.Model}, {result.Architecture}, {Sizes.Bytes(result.Bytes)}"),
            ("engine", $"{result.Engine}, {result.Threads} {(result.Threads == 1 ? "thread" : "threads")}"),
            ("context before", result.Depth > 0 ? $"{result.Depth} tokens" : null));
        report.Line();
        report.Table([new("Test"), new("Tokens/s", Right: true), new("Slowest", Right: true), new("Fastest", Right: true), new("Spread", Right: true)],
            new[] { ($"prompt of {result.PromptTokens}", result.PromptTokensPerSecond), ($"generating {result.GeneratedTokens}", result.TokensPerSecond) }
                .Where(row => row.Item2 is not null)
                .Select(row => new[] { row.Item1, Sizes.Rate(row.Item2!.Median), Sizes.Rate(row.Item2.Low), Sizes.Rate(row.Item2.High), $"± {Sizes.Percent(row.Item2.Deviation / row.Item2.Median, 1)}" }));
    }
}
