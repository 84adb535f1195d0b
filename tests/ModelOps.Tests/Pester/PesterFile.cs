using System.Text.RegularExpressions;

namespace ModelOps.Tests.Pester;

/// <summary>The tests of a *.Tests.ps1 file, told from its text, so that they have names even where there is no pwsh to ask.</summary>
internal static partial class PesterFile
{
    public static string Folder => Path.Combine(TestPaths.RepositoryRoot, "tests", "pester");

    public static IEnumerable<string> All => Directory.EnumerateFiles(Folder, "*.Tests.ps1").Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal);

    /// <summary>The file that a class of tests stands for, by the class's name: Carry's is Carry.Tests.ps1.</summary>
    public static string Of(Type tests) => tests.Name + ".Tests.ps1";

    /// <summary>The paths of a file's tests, each once.</summary>
    public static IReadOnlyCollection<string> FindTests(string file) => [.. ParseTests(File.ReadAllText(Path.Combine(Folder, file))).Distinct()];

    /// <summary>
    /// The path of every It, <c>Describe › Context › It</c>; a template of -ForEach is one. Nesting is read from the indentation, which the files keep.
    /// </summary>
    public static IEnumerable<string> ParseTests(string text)
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
