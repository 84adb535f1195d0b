using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using ModelOps.Hub;
using ModelOps.Store;

namespace ModelOps.Tests.Fit;

/// <summary>
/// A hub cache with models of any size on next to no disk: true headers, and behind them nothing. A mirror of it serves them as a hub does; their
/// digests are made up, as nobody can hash what nobody reads.
/// </summary>
internal sealed class SparseStore(string folder)
{
    private const string Commit = "0123456789abcdef0123456789abcdef01234567";

    public StoreOptions Options => new() { Directory = folder };

    /// <summary>Adds a repository.</summary>
    /// <param name="repository">Name.</param>
    /// <param name="files">Files by path: what they begin with, and how long they are.</param>
    /// <returns>Bytes of all files.</returns>
    public long Add(string repository, IEnumerable<(string Path, ReadOnlyMemory<byte> Start, long Bytes)> files)
    {
        var layout = new StoreLayout(folder);
        var snapshot = Directory.CreateDirectory(layout.Snapshot(repository, Commit)).FullName;
        var total = 0L;
        foreach (var (path, start, bytes) in files)
        {
            total += bytes;
            // A small file is known by git's digest, and checked against it.
            var digest = LargeFiles.Has(path, bytes) ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{repository}/{path} {bytes}"))) : GitObjects.BlobId(start.Span);
            var blob = layout.Blob(repository, digest);
            Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
            using (var file = File.Create(blob))
            {
                file.Write(start.Span);
                file.SetLength(bytes);
            }
            File.CreateSymbolicLink(Path.Combine(snapshot, path), Path.GetRelativePath(snapshot, blob));
        }
        Directory.CreateDirectory(layout.References(repository));
        File.WriteAllText(layout.Reference(repository, "main"), Commit);
        return total;
    }

    /// <summary>A safetensors file's header before its weights.</summary>
    public static (ReadOnlyMemory<byte> Start, long Bytes) Safetensors(IEnumerable<(string Name, string Type, long[] Shape)> tensors)
    {
        using var header = new MemoryStream();
        header.Write(new byte[sizeof(long)]);
        var at = 0L;
        using (var json = new System.Text.Json.Utf8JsonWriter(header))
        {
            json.WriteStartObject();
            foreach (var (name, type, shape) in tensors)
            {
                var end = at + Bytes(type, shape);
                json.WriteStartObject(name);
                json.WriteString("dtype", type);
                json.WriteStartArray("shape");
                foreach (var length in shape)
                    json.WriteNumberValue(length);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(at);
                json.WriteNumberValue(end);
                json.WriteEndArray();
                json.WriteEndObject();
                at = end;
            }
            json.WriteEndObject();
        }
        var bytes = header.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(bytes, bytes.Length - sizeof(long));
        return (bytes, bytes.Length + at);
    }

    /// <summary>Bytes of a tensor as it is stored.</summary>
    public static long Bytes(string type, long[] shape) => shape.Aggregate(type switch { "F32" => 4L, "BF16" => 2L, _ => 1L }, (product, length) => product * length);
}
