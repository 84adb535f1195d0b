using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops runtime</c></summary>
internal static class RuntimeCommand
{
    public static Command Create(CliHost host) => new("runtime", "Choose what models run on: builds of the engine for the CPU, Vulkan, CUDA and Metal.")
    {
        List(host), Add(host), Use(host), Remove(host),
    };

    private static Command List(CliHost host)
        => new Command("list", "Show the runtimes, which is chosen and why, and the GPUs that it shows.").Does(host, async (context, parsed, cancellationToken) =>
        {
            var runtimes = context.Runtimes;
            var probe = await ProbeAsync(context, cancellationToken);
            var listing = new RuntimeListing(Explain(context, runtimes), runtimes.List(), probe?.Devices ?? [], probe?.Warning);
            context.Output.Write(listing, CliJson.Default.RuntimeListing, report => Render(report, listing));
            return 0;
        });

    private static Command Add(CliHost host)
    {
        var backend = Backend("Runtime to add.");
        var file = new Option<string[]>("--file") { Description = "Archive (.tgz) of its package, instead of asking npm for it; a runtime of two packages takes two.", HelpName = "FILE" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Print which packages would be added, and where, and add nothing." };
        return new Command("add", "Add a runtime: its pinned packages, fetched with npm or read from files, checked before anything is unpacked.") { backend, file, dryRun }
            .Does(host, async (context, parsed, cancellationToken) =>
            {
                var wanted = ModelRuntimes.ParseOne(parsed.GetRequiredValue(backend));
                var runtimes = context.Runtimes;
                ModelRuntime runtime;
                if (parsed.GetValue(dryRun))
                {
                    runtime = runtimes.Plan(wanted);
                }
                else
                {
                    using var progress = context.Output.Progress();
                    runtime = await runtimes.AddAsync(wanted, [.. (parsed.GetValue(file) ?? []).Select(context.FullPath)], progress.Of<string>(step => step), cancellationToken);
                }
                context.Output.Write(runtime, CliJson.Default.ModelRuntime, report => report.Pairs(
                    ("runtime", Name(runtime.Backend)),
                    ("packages", string.Join(", ", runtime.Packages.Select(package => $"{package.Name} {package.Version}"))),
                    ("integrity", string.Join(", ", runtime.Packages.Select(package => package.Integrity))),
                    ("folder", runtime.Directory),
                    ("size", runtime.Bytes is { } bytes ? Sizes.Bytes(bytes) : null)));
                return 0;
            });
    }

    private static Command Use(CliHost host)
    {
        var backend = Backend("Runtime to use from now on; auto goes by the hardware.");
        return new Command("use", $"Choose the runtime of this user. {ModelRuntimes.Variable} and --runtime are above it, {ModelRuntimes.DirectoryVariable} above all.") { backend }.Does(host, (context, parsed, cancellationToken) =>
        {
            var choice = context.Runtimes.Use(ModelRuntimes.Parse(parsed.GetRequiredValue(backend)));
            context.Output.Write(choice, CliJson.Default.RuntimeChoice, report => Render(report, choice));
            return Task.FromResult(0);
        });
    }

    private static Command Remove(CliHost host)
    {
        var backend = Backend("Runtime to remove.");
        return new Command("remove", "Remove a runtime that was added.") { backend }.Does(host, (context, parsed, cancellationToken) =>
        {
            var runtime = context.Runtimes.Remove(ModelRuntimes.ParseOne(parsed.GetRequiredValue(backend)));
            context.Output.Write(runtime, CliJson.Default.ModelRuntime, report => report.Line($"Removed the runtime {Name(runtime.Backend)}{(runtime.Bytes is { } bytes ? $", {Sizes.Bytes(bytes)}" : "")}."));
            return Task.FromResult(0);
        });
    }

    private static Argument<string> Backend(string description)
    {
        var argument = new Argument<string>("RUNTIME") { Description = $"{description} One of {string.Join(", ", ModelRuntimes.Names)}." };
        argument.CompletionSources.Add(_ => ModelRuntimes.Names.Select(name => new System.CommandLine.Completions.CompletionItem(name)));
        return argument;
    }

    // Drivers are loaded in a process of their own: one that aborts must not take the list with it.
    private static async Task<RuntimeProbe?> ProbeAsync(CommandContext context, CancellationToken cancellationToken)
    {
        await using var runner = new WorkerRunner(WorkerCommand.CommandLine());
        try
        {
            return await runner.ProbeRuntimeAsync(cancellationToken);
        }
        catch (ModelOpsException exception)
        {
            context.Output.Note($"warning: {exception.Message}");
            return null;
        }
    }

    private static RuntimeChoice Explain(CommandContext context, ModelRuntimes runtimes)
    {
        try
        {
            return runtimes.Explain();
        }
        catch (ModelOpsException exception) when (exception.Kind == ErrorKind.EngineNotFound)
        {
            return new RuntimeChoice(null, null, exception.Message) { Advice = exception.Hint };
        }
    }

    private static void Render(Report report, RuntimeListing listing)
    {
        report.Table([new("Runtime"), new("State"), new("Chosen"), new("Size", Right: true), new("Package", Wrap: true)], listing.Runtimes.Select(runtime => new[]
        {
            Name(runtime.Backend),
            runtime.State.ToString().ToLowerInvariant(),
            runtime.IsChosen ? "yes" : "",
            runtime.Bytes is { } bytes ? Sizes.Bytes(bytes) : "",
            $"{string.Join(" + ", runtime.Packages.Select(package => package.Name))} {runtime.Version}",
        }));
        foreach (var damaged in listing.Runtimes.Where(runtime => runtime.State == RuntimeState.Damaged))
        {
            report.Failure($"{Name(damaged.Backend)}: {damaged.Reason}");
        }
        report.Line();
        Render(report, listing.Choice);
        report.Line($"GPUs:    {(listing.Devices.Count == 0 ? "none shown" : string.Join(", ", listing.Devices.Select(device => $"{device.Name}, {Sizes.Bytes(device.TotalBytes)}")))}");
        if (listing.Warning is not null)
        {
            report.Line($"• {listing.Warning}");
        }
    }

    private static void Render(Report report, RuntimeChoice choice)
    {
        report.Line($"Chosen:  {(choice.Backend is { } backend ? Name(backend) : choice.Directory ?? "none")}. {choice.Reason}");
        if (choice.Advice is not null)
        {
            report.Line($"• {choice.Advice}");
        }
    }

    private static string Name(RuntimeBackend backend) => backend.ToString().ToLowerInvariant();
}
