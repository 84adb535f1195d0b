using ModelOps.Cli;

namespace ModelOps.Tests.Cli;

/// <summary>Runs a command line in this process, before an audience of choice.</summary>
internal static class InProcess
{
    public static async Task<CliOutcome> RunAsync(string folder, string[] args, Func<CliHost, CliHost>? audience = null, string endpoint = CliProcess.NoHub, CancellationToken cancellationToken = default)
    {
        using var output = new StringWriter { NewLine = "\n" };
        using var error = new StringWriter { NewLine = "\n" };
        var host = new CliHost
        {
            Out = output,
            Error = error,
            WorkingDirectory = folder,
            Environment = name => name switch
            {
                "HF_ENDPOINT" => endpoint,
                "HF_HUB_CACHE" => Path.Combine(folder, "hub"),
                "HF_HOME" => folder,
                _ => null,
            },
        };
        var code = await CommandLine.InvokeAsync(args, audience?.Invoke(host) ?? host, cancellationToken);
        return new CliOutcome(code, output.ToString(), error.ToString());
    }
}
