using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops fit</c></summary>
internal static class FitCommand
{
    // Not bool?: System.CommandLine takes a boolean option for a mere switch and would leave 'on' behind.
    private enum Switch
    {
        Auto,
        On,
        Off,
    }

    public static Command Create(CliHost host)
    {
        var model = new Argument<string>("MODEL") { Description = "A GGUF file, a checkpoint folder, an installed model, or org/repo[:variant] of the hub, of which only headers are read." };
        var contextLength = CommandSyntax.Context("Context length in tokens; 0 is the smaller of 4096 and what the model was trained for.");
        var gpuLayers = CommandSyntax.GpuLayers("Layers on GPUs; auto is as many as fit.");
        var kvType = CommandSyntax.Choice("--kv-type", "TYPE", "Storage type of the KV cache.", GgmlType.F16, [.. FitRequest.KvTypes]);
        var batch = CommandSyntax.Number("--batch", "N", "Tokens in one physical batch.", 512, least: 1);
        var flashAttention = CommandSyntax.Choice("--flash-attention", "on|off|auto", "Flash attention; auto lets the engine choose.", Switch.Auto, Enum.GetValues<Switch>());
        var machine = new Option<string?>("--machine") { Description = "Ask for another machine: a file written there by 'modelops hardware --format json'.", HelpName = "FILE" };
        var type = new Option<string>("--type") { Description = "For a checkpoint: the type it would be converted to.", HelpName = "TYPE", DefaultValueFactory = _ => "BF16" };
        return new Command("fit", "Say whether a model fits this machine, before it is downloaded. Exits with 5 when it does not.")
        {
            model, contextLength, gpuLayers, kvType, batch, flashAttention, machine, type,
        }.Does(host, (context, parsed, cancellationToken) =>
        {
            var request = new FitRequest
            {
                ContextLength = parsed.GetValue(contextLength),
                GpuLayers = parsed.GetValue(gpuLayers).Count,
                KvType = parsed.GetValue(kvType),
                BatchSize = parsed.GetValue(batch),
                FlashAttention = parsed.GetValue(flashAttention) switch { Switch.On => true, Switch.Off => false, _ => null },
            };
            return RunAsync(context, parsed.GetRequiredValue(model), parsed.GetRequiredValue(type), parsed.GetValue(machine), request, cancellationToken);
        });
    }

    private static async Task<int> RunAsync(CommandContext context, string model, string type, string? machineFile, FitRequest request, CancellationToken cancellationToken)
    {
        // The model first: measuring this machine's memory takes a while, and a wrong name or a broken file should not wait for it.
        var given = machineFile is null ? null : Machine.FromJson(await context.ReadTextAsync(machineFile, cancellationToken), machineFile);
        var subject = await FitSubject.FindAsync(context, model, type, cancellationToken);
        var machine = given ?? context.ReadMachine(cancellationToken);
        if (given is null && File.Exists(subject.Path))
        {
            // A file that is on this machine's disk needs no more room there; a checkpoint, a folder, is yet to be converted.
            machine = machine with { DiskFreeBytes = null };
        }
        var result = FitEstimator.Estimate(subject.Shape, machine, request) with
        {
            Model = model,
            Repository = subject.Repository,
            Commit = subject.Commit,
            Variant = subject.Variant,
            Path = subject.Path,
        };
        context.Output.Write(result, CliJson.Default.FitResult, report => Render(report, result));
        return result.Fits ? 0 : ErrorKind.DoesNotFit.ExitCode();
    }

    private static void Render(Report report, FitResult result)
    {
        var summary = $"{result.Model} at {result.ContextLength} tokens of context";
        if (result.Fits)
        {
            report.Success($"Fits: {summary}");
        }
        else
        {
            report.Failure($"Does not fit: {summary}");
        }
        report.Line();
        var state = result.Devices.Any(device => device.StateBytes > 0);
        report.Table(
            [new("Device", Wrap: true), new("Weights", Right: true), new("KV cache", Right: true), .. state ? [new Column("State", Right: true)] : Array.Empty<Column>(),
                new("Compute", Right: true), new("Other", Right: true), new("Total", Right: true), new("Free", Right: true)],
            result.Devices.Select(device => (IReadOnlyList<string>)
            [
                device.Name, Sizes.Bytes(device.WeightsBytes), Sizes.Bytes(device.KvCacheBytes), .. state ? [Sizes.Bytes(device.StateBytes)] : Array.Empty<string>(),
                Sizes.Bytes(device.ComputeBytes), Sizes.Bytes(device.OverheadBytes), Sizes.Bytes(device.TotalBytes), Sizes.Bytes(device.FreeBytes),
            ]));
        report.Line();
        report.Pairs(
            ("layers on GPUs", result.Devices.Any(device => device.Kind != DeviceKind.Cpu) ? result.GpuLayers.ToString() : null),
            ("speed", result.TokensPerSecond is { } speed ? $"{Sizes.Rate(speed.Low)} to {Sizes.Rate(speed.High)} tokens/s" : null));
        foreach (var advice in result.Advice)
        {
            report.Line($"• {advice}");
        }
    }
}
