using System.Diagnostics;
using System.Text.Json;

namespace ModelOps.Tests.Cli;

/// <summary>What a process left behind.</summary>
internal sealed record CliOutcome(int ExitCode, string Out, string Error)
{
    /// <summary>Standard output as one JSON document; throws when anything else is there.</summary>
    public JsonElement Json => JsonDocument.Parse(Out).RootElement;
}

/// <summary>The built <c>modelops</c>, started as scripts start it: with redirected streams and an environment of its own.</summary>
internal static class CliProcess
{
    /// <summary>An address where nobody listens.</summary>
    public const string NoHub = "http://127.0.0.1:9";

    public static async Task<CliOutcome> RunAsync(string folder, string[] args, string? input = null, (string Name, string? Value)[]? environment = null)
    {
        using var process = Start(folder, args, environment);
        if (input is not null)
        {
            await process.StandardInput.WriteAsync(input);
        }
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new CliOutcome(process.ExitCode, await output, await error);
    }

    public static Process Start(string folder, string[] args, (string Name, string? Value)[]? environment = null)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = new System.Text.UTF8Encoding(false),
        };
        start.ArgumentList.Add(Library);
        foreach (var arg in args)
        {
            start.ArgumentList.Add(arg);
        }
        foreach (var name in (string[])["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "NO_COLOR"])
        {
            start.Environment.Remove(name);
        }
        // A runtime that is killed leaves its sockets for debuggers in the temporary folder.
        start.Environment["DOTNET_EnableDiagnostics"] = "0";
        start.Environment["HF_HOME"] = folder;
        start.Environment["HF_HUB_CACHE"] = Path.Combine(folder, "hub");
        start.Environment["HF_ENDPOINT"] = NoHub;
        foreach (var (name, value) in environment ?? [])
        {
            start.Environment[name] = value;
        }
        return Process.Start(start)!;
    }

    /// <summary>The tool as its own project built it, in the configuration that the tests were built in.</summary>
    public static string Library
    {
        get
        {
            var configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
            return Path.Combine(TestPaths.RepositoryRoot, "src", "ModelOps.Cli", "bin", configuration, "net10.0", "modelops.dll");
        }
    }
}
