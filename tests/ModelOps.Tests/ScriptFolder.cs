using System.Diagnostics;
using System.Text;
using Xunit;

namespace ModelOps.Tests;

/// <summary>A folder under tests/ with scripts that other programs run: oracles that others wrote.</summary>
/// <param name="name">Name of the folder.</param>
internal sealed class ScriptFolder(string name)
{
    private readonly string _folder = Path.Combine(TestPaths.RepositoryRoot, "tests", name);

    /// <summary>Installs the folder's packages where they are not yet; skips the test, by name, where npm is absent.</summary>
    public void Restore() => Task.Run(() => NodePackages.RestoreAsync(name)).GetAwaiter().GetResult();

    public bool CanRun(string program, params string[] arguments)
    {
        try
        {
            using var process = Start(program, arguments);
            process.StandardInput.Close();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }

    /// <summary>What a program writes when it is given <paramref name="input"/>; fails the test when it fails.</summary>
    public string Run(string program, string[] arguments, string input)
    {
        using var process = Start(program, arguments);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)}: {errors.Result}");
        return output.Result;
    }

    private Process Start(string program, string[] arguments) => Process.Start(new ProcessStartInfo(program, arguments)
    {
        WorkingDirectory = _folder,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
        StandardInputEncoding = new UTF8Encoding(false),
        StandardOutputEncoding = Encoding.UTF8,
    })!;
}
