using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using ModelOps.Inspection;

namespace ModelOps;

/// <summary>
/// Shapes that were read from a hub, some 40 KB each, in a folder of the user's. A commit never changes, so what was read at one stays true; it is read anew by
/// another build of ModelOps, which may read headers otherwise. Nothing here is needed: what is missing, damaged or cannot be written is read from the
/// hub as if there were no cache.
/// </summary>
public sealed partial class ShapeCache
{
    /// <summary>Records kept at most: some 40 MB. The ones that were not used for longest go first.</summary>
    public const int MostRecords = 1024;

    /// <summary>The header of a model of 512 layers, without its vocabulary, takes some 600 KB.</summary>
    private const long MostRecordBytes = 4 << 20;

    private const string Suffix = ".shape";

    // A build's own: any change of a reader, of the figures or of their meaning is in it.
    private static readonly string Reader = typeof(ShapeCache).Module.ModuleVersionId.ToString("n");

    private readonly string _folder;
    private readonly int _mostRecords;

    /// <summary>A cache in a folder, which is made when the first record is.</summary>
    public ShapeCache(string folder) : this(folder, MostRecords) { }

    internal ShapeCache(string folder, int mostRecords) => (_folder, _mostRecords) = (Path.GetFullPath(folder), mostRecords);

    /// <summary>That of an installation; null where it has no folder for such.</summary>
    public static ShapeCache? Of(StoreOptions store) => store.CacheDirectory is { } folder ? new ShapeCache(Path.Combine(folder, "shapes")) : null;

    /// <summary>The commit that a revision stands for without asking: one that is a commit itself, or offline the one that it stood for last.</summary>
    internal string? FindCommit(ShapeWish wish, string? revision, bool isOffline) => revision is not null && Commit().IsMatch(revision)
        ? revision
        : isOffline && Read(wish.AtRevision(revision ?? "main")) is { } known && Commit().IsMatch(Encoding.ASCII.GetString(known)) ? Encoding.ASCII.GetString(known) : null;

    /// <summary>Notes the commit that a revision stands for.</summary>
    internal void KeepCommit(ShapeWish wish, string? revision, string commit) => Write(wish.AtRevision(revision ?? "main"), Encoding.ASCII.GetBytes(commit));

    /// <summary>What was read at a commit; null when nothing was.</summary>
    internal RemoteShape? Find(ShapeWish wish, string commit)
    {
        try
        {
            return Read(wish.AtCommit(commit)) is { } record ? JsonSerializer.Deserialize(record, ShapeJson.Default.RemoteShapeRecord)?.ToShape() : null;
        }
        catch (Exception exception) when (exception is JsonException or ModelOpsException)
        {
            return null; // of a build with other figures
        }
    }

    /// <summary>Notes what was read.</summary>
    internal void Keep(ShapeWish wish, RemoteShape shape) => Write(wish.AtCommit(shape.Commit), JsonSerializer.SerializeToUtf8Bytes(RemoteShapeRecord.Of(shape), ShapeJson.Default.RemoteShapeRecord));

    // A record is a line with the digest of the rest, a line with the reader, and the rest.
    private byte[]? Read(string name)
    {
        var path = Path.Combine(_folder, name + Suffix);
        try
        {
            if (new FileInfo(path) is not { Exists: true, Length: <= MostRecordBytes })
                return null;
            var bytes = File.ReadAllBytes(path);
            var head = Encoding.ASCII.GetBytes($"{Reader}\n");
            if (bytes.Length <= Digest.Length + head.Length || !bytes.AsSpan(Digest.Length).StartsWith(head) || !Digest.Of(bytes.AsSpan(Digest.Length)).AsSpan().SequenceEqual(bytes.AsSpan(0, Digest.Length)))
                return null;
            // What is used stays; to the hour is enough, and spares a write each time.
            if (DateTime.UtcNow - File.GetLastWriteTimeUtc(path) > TimeSpan.FromHours(1))
                File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
            return bytes[(Digest.Length + head.Length)..];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private void Write(string name, byte[] content)
    {
        byte[] rest = [.. Encoding.ASCII.GetBytes($"{Reader}\n"), .. content];
        var next = Path.Combine(_folder, $"{name}.{Guid.NewGuid().ToString("n")[..8]}.incomplete");
        try
        {
            MakeFolder();
            // In one step: another process reads the old record or the new one, and two that write the same write it twice.
            using (var file = new FileStream(next, OwnFile))
                file.Write([.. Digest.Of(rest), .. rest]);
            File.Move(next, Path.Combine(_folder, name + Suffix), overwrite: true);
            Prune();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A full disk or a folder that is somebody else's costs the next fit a few requests, not this one its answer.
            TryDelete(next);
        }
    }

    // What a token may see is for its owner only.
    private void MakeFolder()
    {
        if (Directory.Exists(_folder))
            return;
        if (OperatingSystem.IsWindows())
            Directory.CreateDirectory(_folder);
        else
            Directory.CreateDirectory(_folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static FileStreamOptions OwnFile => OperatingSystem.IsWindows()
        ? new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write }
        : new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite };

    private void Prune()
    {
        FileInfo[] files = [.. new DirectoryInfo(_folder).EnumerateFiles()];
        foreach (var left in files.Where(file => file.Extension == ".incomplete" && DateTime.UtcNow - file.LastWriteTimeUtc > TimeSpan.FromHours(1)))
            TryDelete(left.FullName);
        FileInfo[] records = [.. files.Where(file => file.Extension == Suffix).OrderByDescending(file => file.LastWriteTimeUtc)];
        foreach (var old in records.Skip(_mostRecords))
            TryDelete(old.FullName);
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Open in another process, or gone: the next one to write tries again.
        }
    }

    private static class Digest
    {
        /// <summary>64 digits and the end of the line.</summary>
        public const int Length = 65;

        public static byte[] Of(ReadOnlySpan<byte> content) => Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(content)) + "\n");
    }

    [GeneratedRegex(@"\A[0-9a-f]{40}\z")]
    private static partial Regex Commit();
}
