using System.ComponentModel;
using System.Diagnostics;
using ModelOps.Engine;

namespace ModelOps.Runner;

/// <summary>How a child is started: its streams, and what it is told by its environment.</summary>
internal static class WorkerLaunch
{
    /// <summary>Starts the child; what it says outside the pipe is kept as its last words.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/>.</exception>
    public static Process Start(IReadOnlyList<string> command, string pipeName, LastWords lastWords)
    {
        ProcessStartInfo start = new(command[0])
        {
            // Nothing of the child may reach the parent's terminal or eat its input: all goes through the pipe.
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            CreateNoWindow = true,
        };
        foreach (string argument in command.Skip(1))
        {
            start.ArgumentList.Add(argument.Replace("{pipe}", pipeName, StringComparison.Ordinal));
        }
        // A failed assertion says its line on stderr; a debugger attached to write a backtrace would only make the end slow.
        start.Environment["GGML_NO_BACKTRACE"] = "1";
        // Sockets for debuggers in the temporary folder, by the runtime and by PowerShell: they would stay when the child is killed.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        start.Environment["POWERSHELL_DIAGNOSTICS_OPTOUT"] = "1";
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(LlamaLibrary.DirectoryVariable)) && LlamaLibrary.ChosenDirectory() is { } directory)
        {
            // The child may be another program, with other folders beside it.
            start.Environment[LlamaLibrary.DirectoryVariable] = directory;
        }
        Process process = new() { StartInfo = start };
        process.OutputDataReceived += (_, data) => lastWords.Add(data.Data);
        process.ErrorDataReceived += (_, data) => lastWords.Add(data.Data);
        try
        {
            process.Start();
        }
        catch (Win32Exception exception)
        {
            process.Dispose();
            throw new ModelOpsException(ErrorKind.EngineNotFound, $"The worker process could not be started: {command[0]}: {exception.Message}", "Reinstall ModelOps.", exception);
        }
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }
}
