using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace ModelOps.Tests.Transfer.Faults;

/// <summary>A folder that a hub serves, with one repository: a checkpoint whose only tensor is noise, so that no byte is like another.</summary>
internal sealed class RandomModel : IDisposable
{
    public const string Repository = "judge/noise";
    public const string WeightsName = "model.safetensors";

    /// <param name="bytes">Size of the tensor.</param>
    /// <param name="seed">Another seed is another content.</param>
    /// <param name="folder">Where its folder is made; null for where temporary files are.</param>
    public RandomModel(long bytes, int seed = 1, string? folder = null)
    {
        Directory = System.IO.Directory.CreateDirectory(Path.Combine(folder ?? Path.GetTempPath(), "modelops-noise-" + Path.GetRandomFileName())).FullName;
        string repository = Path.Combine(Directory, Repository.Replace('/', Path.DirectorySeparatorChar));
        System.IO.Directory.CreateDirectory(repository);
        WeightsPath = Path.Combine(repository, WeightsName);
        File.WriteAllText(Path.Combine(repository, "config.json"), """{"architectures":["LlamaForCausalLM"],"model_type":"llama"}""");
        Write(bytes, seed);
    }

    /// <summary>What the server serves.</summary>
    public string Directory { get; }

    public string WeightsPath { get; }

    /// <summary>Size of the weights.</summary>
    public long Bytes { get; private set; }

    public string Sha256 { get; private set; } = "";

    /// <summary>Replaces the weights, as a new commit does.</summary>
    public void Write(long bytes, int seed)
    {
        byte[] header = Encoding.UTF8.GetBytes($$$"""{"noise":{"dtype":"U8","shape":[{{{bytes}}}],"data_offsets":[0,{{{bytes}}}]}}""");
        byte[] length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        // Beside and then renamed: who is reading the old content reads on.
        string next = Path.Combine(Directory, "next");
        using var file = File.Create(next);
        void Add(ReadOnlySpan<byte> part)
        {
            hash.AppendData(part);
            file.Write(part);
        }
        Add(length);
        Add(header);
        var random = new Random(seed);
        byte[] block = new byte[1 << 20];
        for (long written = 0; written < bytes; written += block.Length)
        {
            random.NextBytes(block);
            Add(block.AsSpan(0, (int)Math.Min(block.Length, bytes - written)));
        }
        Bytes = file.Length;
        file.Close();
        File.Move(next, WeightsPath, overwrite: true);
        Sha256 = Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public void Dispose() => System.IO.Directory.Delete(Directory, recursive: true);
}
