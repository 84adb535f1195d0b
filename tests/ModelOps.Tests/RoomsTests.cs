using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Text.RegularExpressions;
using Xunit;

namespace ModelOps.Tests;

/// <summary>The structure of docs/architecture.md, held against the sources.</summary>
public partial class RoomsTests
{
    // A room may name types of its own and of rooms on lower floors.
    private static readonly Dictionary<string, int> Floors = new()
    {
        ["Errors"] = 0,
        ["Formats"] = 1,
        ["Hub"] = 1,
        ["Hardware"] = 1,
        ["Templates"] = 1,
        ["Grammar"] = 1,
        ["Chat"] = 2,
        ["Quantization"] = 2,
        ["Transfer"] = 2,
        ["Runtimes"] = 2,
        ["Fit"] = 3,
        ["Engine"] = 4,
        ["Conversion"] = 4,
        ["Store"] = 4,
        ["Inspection"] = 5,
        ["Export"] = 5,
        ["Quality"] = 5,
        ["Remote"] = 5,
        ["Speed"] = 6,
        ["Runner"] = 7,
        ["Dialogue"] = 8,
    };

    [Fact]
    public void EveryRoomOfTheCoreHasAFloor()
        => Assert.Equal(Floors.Keys.Order(), RoomFiles().Select(file => file.Room).Distinct().Order());

    [Fact]
    public void ArrowsPointOneWay()
    {
        var files = RoomFiles().Select(file => (file.Room, file.Path, Code: CommentsAndStrings().Replace(File.ReadAllText(file.Path), " "))).ToList();
        // Public types share one namespace, so their names tell the room; internal ones take a using.
        var faces = files.Where(file => PublicNamespace().IsMatch(file.Code))
            .SelectMany(file => TypeDeclaration().Matches(file.Code).Select(match => (file.Room, Name: match.Groups[1].Value)))
            .DistinctBy(type => type.Name).ToDictionary(type => type.Name, type => type.Room);
        Assert.True(faces.Count > 50, "the scan sees the public types");

        var wrong = from file in files
                    from room in Uses().Matches(file.Code).Select(match => match.Groups[1].Value)
                        .Concat(from match in Identifier().Matches(file.Code) where faces.ContainsKey(match.Value) select faces[match.Value])
                        .Distinct()
                    where room != file.Room && Floors[room] >= Floors[file.Room]
                    select $"{file.Room}/{Path.GetFileName(file.Path)} → {room}";

        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("ModelOps.Core.dll")]
    [InlineData("ModelOps.PowerShell.dll")]
    public void NoThirdPartyAssemblyInTheShell(string assembly)
    {
        using var reader = new PEReader(File.OpenRead(Path.Combine(TestPaths.RepositoryRoot, "bin", assembly)));
        var metadata = reader.GetMetadataReader();
        var references = metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name)).ToList();

        Assert.NotEmpty(references);
        Assert.All(references, name => Assert.True(name is "ModelOps.Core" or "netstandard" || name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Microsoft.Win32.", StringComparison.Ordinal), name));
    }

    private static IEnumerable<(string Room, string Path)> RoomFiles()
    {
        string core = Path.Combine(TestPaths.RepositoryRoot, "src", "ModelOps.Core");
        return from room in Directory.EnumerateDirectories(core)
               let name = Path.GetFileName(room)
               where name is not ("bin" or "obj")
               from path in Directory.EnumerateFiles(room, "*.cs", SearchOption.AllDirectories)
               select (name, path);
    }

    [GeneratedRegex("""//.*|/\*[\s\S]*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""")]
    private static partial Regex CommentsAndStrings();

    [GeneratedRegex(@"^namespace ModelOps;", RegexOptions.Multiline)]
    private static partial Regex PublicNamespace();

    [GeneratedRegex(@"^using (?:static )?ModelOps\.([A-Z]\w+)", RegexOptions.Multiline)]
    private static partial Regex Uses();

    [GeneratedRegex(@"\bpublic\s+(?:(?:sealed|static|abstract|readonly|partial)\s+)*(?:class|struct|interface|enum|record(?:\s+struct|\s+class)?)\s+([A-Z]\w+)")]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"(?<![.\w])[A-Z]\w+\b")]
    private static partial Regex Identifier();
}
