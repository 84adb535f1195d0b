using System.Security.Cryptography;
using System.Text;

namespace ModelOps.Tests.Store;

/// <summary>A cache in huggingface_hub's layout, made by hand: blobs named by digest, snapshots of relative links, references.</summary>
internal sealed class HandmadeCache(TempStore temp, string folder = "models--o--r")
{
    public const string Old = "1111111111111111111111111111111111111111";
    public const string Main = "2222222222222222222222222222222222222222";

    public string Folder => Path.Combine(temp.Directory, folder);

    public string Blobs => Path.Combine(Folder, "blobs");

    /// <summary>A large file's digest: its SHA-256.</summary>
    public static string Sha256(string content) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)));

    /// <summary>A small file's digest: git's blob id, computed here as `git hash-object` does.</summary>
    public static string GitSha1(string content) => Convert.ToHexStringLower(SHA1.HashData(Encoding.UTF8.GetBytes($"blob {Encoding.UTF8.GetByteCount(content)}\0{content}")));

    /// <summary>A blob and a name for it; weights by SHA-256, other files by git's id.</summary>
    public string File(string commit, string path, string content)
    {
        string etag = path.EndsWith(".gguf", StringComparison.Ordinal) || path.EndsWith(".safetensors", StringComparison.Ordinal) ? Sha256(content) : GitSha1(content);
        temp.Add($"{folder}/blobs/{etag}", content);
        string link = Path.Combine(Folder, "snapshots", commit, path.Replace('/', Path.DirectorySeparatorChar));
        Directory.CreateDirectory(Path.GetDirectoryName(link)!);
        System.IO.File.CreateSymbolicLink(link, Path.GetRelativePath(Path.GetDirectoryName(link)!, Path.Combine(Blobs, etag)));
        return etag;
    }

    public void Reference(string name, string commit) => temp.Add($"{folder}/refs/{name}", commit);

    public string Blob(string etag) => Path.Combine(Blobs, etag);

    public string Name(string commit, string path) => Path.Combine(Folder, "snapshots", commit, path);

    /// <summary>Makes a file as old as something that was given up.</summary>
    public static void MakeOld(string path, int days = 30)
    {
        System.IO.File.SetLastWriteTimeUtc(path, DateTime.UtcNow.AddDays(-days));
        System.IO.File.SetLastAccessTimeUtc(path, DateTime.UtcNow.AddDays(-days));
    }
}
