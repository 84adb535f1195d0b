using System.CommandLine;
using ModelOps.Cli.Demo;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;
using ModelOps.Server;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops demo</c></summary>
internal static class DemoCommand
{
    public static Command Create(CliHost host)
    {
        var keep = new Option<string?>("--keep") { Description = "Work in this folder, new or empty, and leave the files there; otherwise a temporary one is removed at the end.", HelpName = "DIR" };
        return new Command("demo", "Do the whole job on the bundled model, offline: search, show, fit, pull, convert, info, run, measure.") { keep }
            .Does(host, (context, parsed, cancellationToken) => RunAsync(context, parsed.GetValue(keep), cancellationToken));
    }

    private static async Task<int> RunAsync(CommandContext context, string? keep, CancellationToken cancellationToken)
    {
        var shipped = Path.Combine(AppContext.BaseDirectory, "demo");
        if (!Directory.Exists(shipped))
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"The demo's models are not at {shipped}.", "Build or install modelops again.");
        }
        var folder = keep is null ? OpenTemporaryFolder() : OpenFolder(context.FullPath(keep));
        try
        {
            File.Copy(Path.Combine(shipped, "eval", "eval.txt"), Path.Combine(folder, "eval.txt"));
            await using var server = await HubServer.StartAsync(new HubServerOptions { Directory = Path.Combine(shipped, "hub") }, cancellationToken);
            if (!context.Output.IsJson)
            {
                var report = new Report(context.Host);
                report.Line("The commands below do the whole job, offline. They see this environment:");
                report.Pairs(("  HF_ENDPOINT", $"{server.Endpoint.AbsoluteUri.TrimEnd('/')} (a hub served by this process)"), ("  folder", folder));
                report.Line();
            }
            var stage = new DemoStage(context.Host, silent: context.Output.IsJson, folder, server.Endpoint);
            var result = await DemoScript.PlayAsync(stage, cancellationToken);
            context.Output.Write(result, CliJson.Default.DemoResult, report => DemoScript.Render(report, result));
            return 0;
        }
        finally
        {
            if (keep is null)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    private static string OpenTemporaryFolder()
    {
        try
        {
            return Directory.CreateTempSubdirectory("modelops-demo-").FullName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.Failure, $"No temporary folder can be made in {Path.GetTempPath()}: {exception.Message}", "Name another with --keep, or with TMPDIR (on Windows TEMP).", exception);
        }
    }

    private static string OpenFolder(string folder)
    {
        if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{folder}' is not an empty folder.", "Name a folder that is new or empty.");
        }
        try
        {
            return Directory.CreateDirectory(folder).FullName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The folder '{folder}' cannot be made: {exception.Message}", "Name one in a place that may be written to.", exception);
        }
    }
}
