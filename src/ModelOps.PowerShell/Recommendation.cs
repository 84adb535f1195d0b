using System.Text.RegularExpressions;

namespace ModelOps.PowerShell;

/// <summary>The core's hints name the commands of the command line; in a shell the cmdlets of the same jobs are meant.</summary>
internal static partial class Recommendation
{
    private static readonly Dictionary<string, string> Cmdlets = new(StringComparer.Ordinal)
    {
        ["search"] = "Find-Model",
        ["show"] = "Get-ModelVariant",
        ["pull"] = "Install-Model",
        ["list"] = "Get-Model",
        ["info"] = "Get-ModelInfo",
        ["convert"] = "Convert-Model",
        ["fit"] = "Test-ModelFit",
        ["hardware"] = "Get-ModelHardware",
        ["run"] = "Invoke-Model",
        ["measure"] = "Measure-Model",
    };

    /// <summary><c>modelops pull org/repo --variant Q4_0</c> becomes <c>Install-Model org/repo -Variant Q4_0</c>.</summary>
    public static string InCmdlets(string hint) => Command().Replace(hint, command => Cmdlets.TryGetValue(command.Groups["verb"].Value, out var cmdlet)
        ? cmdlet + Option().Replace(command.Groups["rest"].Value, option => " -" + string.Concat(option.Groups["name"].Value.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..])))
        : command.Value);

    [GeneratedRegex(@"\bmodelops (?<verb>[a-z]+)(?<rest>[^.;,)]*)")]
    private static partial Regex Command();

    [GeneratedRegex(@" --(?<name>[a-z]+(?:-[a-z]+)*)")]
    private static partial Regex Option();
}
