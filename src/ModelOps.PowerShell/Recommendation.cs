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
        ["import"] = "Import-Model",
        ["bundle"] = "Export-ModelBundle",
        ["list"] = "Get-Model",
        ["verify"] = "Test-Model",
        ["remove"] = "Uninstall-Model",
        ["prune"] = "Clear-ModelStore",
        ["info"] = "Get-ModelInfo",
        ["convert"] = "Convert-Model",
        ["export"] = "Export-Model",
        ["fit"] = "Test-ModelFit",
        ["hardware"] = "Get-ModelHardware",
        ["run"] = "Invoke-Model",
        ["measure"] = "Measure-Model",
        ["sensitivity"] = "Measure-ModelSensitivity",
    };

    /// <summary><c>modelops pull org/repo --variant Q4_0</c> becomes <c>Install-Model org/repo -Variant Q4_0</c>, and <c>--force</c> <c>-Force</c>.</summary>
    public static string InCmdlets(string hint)
    {
        var text = hint.Replace("modelops hardware --format json", "Get-ModelHardware -MeasureBandwidth | ConvertTo-Json -Depth 4", StringComparison.Ordinal)
            .Replace("modelops hardware --list", "Get-ModelHardware -Reference *", StringComparison.Ordinal)
            .Replace("modelops runtime list", "Get-ModelRuntime", StringComparison.Ordinal)
            .Replace("modelops runtime add", "Install-ModelRuntime", StringComparison.Ordinal)
            .Replace("--file", "-LiteralPath", StringComparison.Ordinal);
        text = Command().Replace(text, command => Cmdlets.GetValueOrDefault(command.Groups["verb"].Value, command.Value));
        text = text.Replace("--from-bundle", "-Bundle", StringComparison.Ordinal).Replace("--with-mmproj", "-IncludeProjector", StringComparison.Ordinal).Replace("--mmproj", "-Projector", StringComparison.Ordinal).Replace("--gguf", "-GgufOnly", StringComparison.Ordinal);
        return Option().Replace(text, option => " -" + string.Concat(option.Groups["name"].Value.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..])));
    }

    [GeneratedRegex(@"\bmodelops (?<verb>[a-z]+)\b")]
    private static partial Regex Command();

    [GeneratedRegex(@" --(?<name>[a-z]+(?:-[a-z]+)*)")]
    private static partial Regex Option();
}
