using System.Security.Cryptography;
using System.Text;

namespace ModelOps.Hub;

/// <summary>Git's object ids (sha1 over a typed header and the content), so that a served or imported folder has the ids that a git repository of it would have.</summary>
internal static class GitObjects
{
    private const string FileMode = "100644";
    private const string FolderMode = "40000";

    /// <summary>The header that git puts before a blob's content.</summary>
    public static byte[] BlobHeader(long bytes) => Encoding.ASCII.GetBytes($"blob {bytes}\0");

    public static string BlobId(ReadOnlySpan<byte> content) => Id("blob", content);

    /// <summary>The text that git holds in place of a large file.</summary>
    public static byte[] LfsPointer(string sha256, long bytes) =>
        Encoding.ASCII.GetBytes($"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {bytes}\n");

    /// <summary>Ids of all folders by path ("" is the root), from the ids of the files by path.</summary>
    public static SortedDictionary<string, string> FolderIds(IEnumerable<KeyValuePair<string, string>> files)
    {
        var ids = new SortedDictionary<string, string>(StringComparer.Ordinal);
        AddFolder("", [.. files], ids);
        return ids;
    }

    /// <summary>A commit that depends on nothing but the content: nobody, at the epoch.</summary>
    public static string CommitId(string tree) => Id("commit", Encoding.ASCII.GetBytes(
        $"tree {tree}\nauthor ModelOps <modelops@localhost> 0 +0000\ncommitter ModelOps <modelops@localhost> 0 +0000\n\nServed by ModelOps\n"));

    private static string AddFolder(string prefix, IReadOnlyCollection<KeyValuePair<string, string>> files, SortedDictionary<string, string> ids)
    {
        var entries = new List<(byte[] SortKey, string Mode, string Name, string Id)>();
        foreach (IGrouping<string, KeyValuePair<string, string>> group in files.GroupBy(file => file.Key[prefix.Length..].Split('/', 2)[0]))
        {
            string path = prefix + group.Key;
            bool isFile = group.First().Key.Length == path.Length;
            string id = isFile ? group.First().Value : AddFolder(path + "/", [.. group], ids);
            // Git sorts a folder as if its name ended in a slash.
            entries.Add((Encoding.UTF8.GetBytes(isFile ? group.Key : group.Key + "/"), isFile ? FileMode : FolderMode, group.Key, id));
        }
        entries.Sort((a, b) => a.SortKey.AsSpan().SequenceCompareTo(b.SortKey));

        using var tree = new MemoryStream();
        foreach ((_, string mode, string name, string id) in entries)
        {
            tree.Write(Encoding.UTF8.GetBytes($"{mode} {name}\0"));
            tree.Write(Convert.FromHexString(id));
        }
        return ids[prefix.TrimEnd('/')] = Id("tree", tree.ToArray());
    }

    private static string Id(string type, ReadOnlySpan<byte> content)
    {
        using var sha1 = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        sha1.AppendData(Encoding.ASCII.GetBytes($"{type} {content.Length}\0"));
        sha1.AppendData(content);
        return Convert.ToHexStringLower(sha1.GetHashAndReset());
    }
}
