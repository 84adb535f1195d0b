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
        ["Quantization"] = 2,
        ["Transfer"] = 2,
        ["Fit"] = 2,
        ["Engine"] = 3,
        ["Conversion"] = 3,
        ["Store"] = 3,
        ["Quality"] = 4,
        ["Runner"] = 5,
    };

    [Fact]
    public void EveryRoomOfTheCoreHasAFloor()
        => Assert.Equal(Floors.Keys.Order(), RoomFiles().Select(file => file.Room).Distinct().Order());

    [Fact]
    public void ArrowsPointOneWay()
    {
        var files = RoomFiles().Select(file => (file.Room, file.Path, Code: CommentsAndStrings().Replace(File.ReadAllText(file.Path), " "))).ToList();
        var declared = files.SelectMany(file => TypeDeclaration().Matches(file.Code).Select(match => (file.Room, Name: match.Groups[1].Value)))
            .GroupBy(type => type.Name).Where(group => group.Select(type => type.Room).Distinct().Count() == 1)
            .ToDictionary(group => group.Key, group => group.First().Room);
        Assert.True(declared.Count > 50, "the scan sees the types");

        var wrong = from file in files
                    from name in Identifier().Matches(file.Code).Select(match => match.Value).Distinct()
                    where declared.TryGetValue(name, out string? room) && room != file.Room && Floors[room] >= Floors[file.Room]
                    select $"{file.Room}/{System.IO.Path.GetFileName(file.Path)} names {declared[name]}'s {name}";

        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData("ModelOps.Core.dll")]
    [InlineData("ModelOps.PowerShell.dll")]
    public void NoThirdPartyAssemblyInTheShell(string assembly)
    {
        using var reader = new PEReader(File.OpenRead(System.IO.Path.Combine(TestPaths.RepositoryRoot, "bin", assembly)));
        var metadata = reader.GetMetadataReader();
        var references = metadata.AssemblyReferences.Select(handle => metadata.GetString(metadata.GetAssemblyReference(handle).Name)).ToList();

        Assert.NotEmpty(references);
        Assert.All(references, name => Assert.True(name is "ModelOps.Core" or "netstandard" || name.StartsWith("System.", StringComparison.Ordinal), name));
    }

    private static IEnumerable<(string Room, string Path)> RoomFiles()
    {
        string core = System.IO.Path.Combine(TestPaths.RepositoryRoot, "src", "ModelOps.Core");
        return from room in Directory.EnumerateDirectories(core)
               let name = System.IO.Path.GetFileName(room)
               where name is not ("bin" or "obj")
               from path in Directory.EnumerateFiles(room, "*.cs", SearchOption.AllDirectories)
               select (name, path);
    }

    [GeneratedRegex("""//.*|/\*[\s\S]*?\*/|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])+'""")]
    private static partial Regex CommentsAndStrings();

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record(?:\s+struct|\s+class)?)\s+([A-Z]\w+)")]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex(@"\b[A-Z]\w+\b")]
    private static partial Regex Identifier();
}
