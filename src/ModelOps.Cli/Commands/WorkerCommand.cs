using System.CommandLine;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops worker</c>: the child that holds the engine for a <see cref="WorkerRunner"/>; not for people.</summary>
internal static class WorkerCommand
{
    public static Command Create()
    {
        var pipe = new Option<string>("--pipe") { Description = "Name of the parent's pipe.", HelpName = "NAME", Required = true };
        var command = new Command("worker", "Serve the engine to a parent process.") { pipe };
        command.Hidden = true;
        command.SetAction(parsed => WorkerHost.Run(parsed.GetRequiredValue(pipe)));
        return command;
    }

    /// <summary>How to start this program as a worker, however it was started itself: as an executable, a dotnet tool, or <c>dotnet modelops.dll</c>.</summary>
    public static IReadOnlyList<string> CommandLine()
    {
        var self = Environment.ProcessPath;
        var library = Path.Combine(AppContext.BaseDirectory, "modelops.dll");
        string[] start = Path.GetFileNameWithoutExtension(self) == "modelops" ? [self!] : [Path.GetFileNameWithoutExtension(self) == "dotnet" ? self! : "dotnet", library];
        return [.. start, "worker", "--pipe", "{pipe}"];
    }
}
