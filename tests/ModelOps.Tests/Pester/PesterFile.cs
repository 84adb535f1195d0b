using System.Text.RegularExpressions;

namespace ModelOps.Tests.Pester;

/// <summary>The tests of a *.Tests.ps1 file, told from its text, so that they have names even where there is no pwsh to ask.</summary>
internal static partial class PesterFile
{
    public static string Folder => Path.Combine(TestPaths.RepositoryRoot, "tests", "pester");

    public static IEnumerable<string> All => Directory.EnumerateFiles(Folder, "*.Tests.ps1").Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal);

    /// <summary>
    /// The path of every It, <c>Describe › Context › It</c>; a template of -ForEach is one. Nesting is read from the indentation, which the files keep.
    /// </summary>
    public static IEnumerable<string> FindTests(string text)
    {
        var blocks = new Stack<(int Indent, string Name)>();
        foreach (var line in text.Split('\n'))
        {
            var match = Block().Match(line);
            if (!match.Success)
            {
                continue;
            }
            var indent = match.Groups["indent"].Length;
            while (blocks.Count > 0 && blocks.Peek().Indent >= indent)
            {
                blocks.Pop();
            }
            var name = match.Groups["name"].Value.Replace("''", "'", StringComparison.Ordinal);
            if (match.Groups["kind"].Value == "It")
            {
                yield return string.Join(" › ", blocks.Reverse().Select(block => block.Name).Append(name));
            }
            else
            {
                blocks.Push((indent, name));
            }
        }
    }

    [GeneratedRegex("^(?<indent> *)(?<kind>Describe|Context|It) '(?<name>(?:[^']|'')+)'")]
    private static partial Regex Block();
}
