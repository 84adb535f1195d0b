using System.Diagnostics;
using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using ModelOps.Hub;
using ModelOps.Tests.Cli;
using ModelOps.Tests.Formats;
using Xunit;

namespace ModelOps.Tests.Store;

/// <summary>A store with a few small models, and ways to make bundles by hand.</summary>
internal sealed class BundleFixture : IDisposable
{
    public TempStore From { get; } = new();

    public TempStore To { get; } = new();

    public TemporaryFolder Folder { get; } = new();

    public void Dispose()
    {
        From.Dispose();
        To.Dispose();
        Folder.Dispose();
    }

    /// <summary>Two models under one name, a third that shares a file with them, from other folders.</summary>
    public async Task FillAsync()
    {
        (string Name, string[] Files)[] models = [("acme/one", ["m-Q4_0.gguf", "m-Q8_0.gguf"]), ("acme/two", ["m-Q8_0.gguf"])];
        foreach ((string name, string[] files) in models)
        {
            string folder = Directory.CreateTempSubdirectory("modelops-bundle-").FullName;
            foreach (string file in files)
                File.WriteAllBytes(Path.Combine(folder, file), Gguf(file == "m-Q4_0.gguf" ? 64 : 128));
            File.WriteAllText(Path.Combine(folder, "README.md"), "# " + name + "\n");
            await ModelImport.RunAsync(From.Store, await ModelImport.PlanAsync(From.Store, folder, new ImportOptions { Name = name }));
            Directory.Delete(folder, recursive: true);
        }
        string checkpoint = Folder.File("checkpoint");
        Directory.CreateDirectory(checkpoint);
        File.WriteAllText(Path.Combine(checkpoint, "config.json"), "{}\n");
        File.WriteAllText(Path.Combine(checkpoint, "tokenizer.json"), "");
        File.WriteAllBytes(Path.Combine(checkpoint, "model.safetensors"), Safetensors());
        await ModelImport.RunAsync(From.Store, await ModelImport.PlanAsync(From.Store, checkpoint));
        Directory.Delete(checkpoint, recursive: true);
    }

    public Task<BundleResult> WriteAsync(string name, params string[] models) => WriteAsync(name, false, models);

    public async Task<BundleResult> WriteAsync(string name, bool overwrite, params string[] models)
    {
        InstalledModel[] chosen = models.Length == 0 ? [.. From.Store.GetModels()] : [.. models.Select(model => BundleWriter.Find(From.Store, model))];
        return await BundleWriter.RunAsync(From.Store, await BundleWriter.PlanAsync(From.Store, chosen, Folder.File(name), overwrite));
    }

    public async Task<IReadOnlyList<InstalledModel>> InstallAsync(string path, ModelStore? store = null, params string[] models)
    {
        store ??= To.Store;
        await using BundleReader bundle = await BundleReader.OpenAsync(path);
        return await bundle.InstallAsync(store, bundle.PlanInstall(store, models));
    }

    public async Task<IReadOnlyList<InstalledModel>> InstallStreamAsync(byte[] tar)
    {
        await using BundleReader bundle = await BundleReader.OpenAsync(new ForwardOnlyStream(tar), "stream");
        return await bundle.InstallAsync(To.Store, bundle.PlanInstall(To.Store));
    }

    /// <summary>Opening and installing is refused, from a file and from a stream, and leaves no name behind.</summary>
    public async Task RefusedAsync(byte[] tar, params ErrorKind[] kinds)
    {
        foreach (string folder in Directory.GetDirectories(To.Directory))
            Directory.Delete(folder, recursive: true);
        string path = Folder.Write("hostile.tar", tar);
        ModelOpsException file = await Assert.ThrowsAsync<ModelOpsException>(() => InstallAsync(path));
        Assert.Contains(file.Kind, kinds);
        AssertNothing();
        ModelOpsException stream = await Assert.ThrowsAsync<ModelOpsException>(() => InstallStreamAsync(tar));
        Assert.Contains(stream.Kind, kinds);
        AssertNothing(blobsMayBeThere: true);
    }

    /// <summary>No name in a snapshot, no reference; of a stream blobs that were verified before may be there, under their digests.</summary>
    public void AssertNothing(bool blobsMayBeThere = false)
    {
        Assert.DoesNotContain(To.Entries(), entry => !blobsMayBeThere || !entry.Contains("/blobs/"));
        foreach (string entry in To.Entries())
        {
            string path = Path.Combine(To.Directory, entry);
            Assert.Contains(Path.GetFileName(path), (string[])[Sha256(File.ReadAllBytes(path)), GitObjects.BlobId(File.ReadAllBytes(path))]);
        }
        Assert.Empty(To.Store.GetModels());
    }

    /// <summary>A manifest for one model with one file, to be spoilt.</summary>
    public static JsonObject Manifest(byte[] content, string path = "m-Q4_0.gguf") => new()
    {
        ["schemaVersion"] = 1,
        ["models"] = new JsonArray(new JsonObject
        {
            ["repository"] = "acme/evil",
            ["commit"] = new string('a', 40),
            ["revision"] = "main",
            ["variant"] = "Q4_0",
            ["files"] = new JsonArray(new JsonObject { ["path"] = path, ["bytes"] = content.Length, ["eTag"] = Sha256(content), ["sha256"] = Sha256(content) }),
        }),
    };

    public static byte[] Tar(params (string Name, TarEntryType Type, byte[] Content)[] entries)
    {
        using var stream = new MemoryStream();
        using (var writer = new TarWriter(stream, TarEntryFormat.Gnu, leaveOpen: true))
        {
            foreach ((string name, TarEntryType type, byte[] content) in entries)
            {
                var entry = new GnuTarEntry(type, name);
                if (type is TarEntryType.SymbolicLink or TarEntryType.HardLink)
                    entry.LinkName = Encoding.UTF8.GetString(content);
                else if (type == TarEntryType.RegularFile)
                    entry.DataStream = new MemoryStream(content);
                writer.WriteEntry(entry);
            }
        }
        return stream.ToArray();
    }

    public static byte[] Tar(JsonObject manifest, params (string Name, byte[] Content)[] files) =>
        Tar([("manifest.json", TarEntryType.RegularFile, Encoding.UTF8.GetBytes(manifest.ToJsonString())), .. files.Select(file => (file.Name, TarEntryType.RegularFile, file.Content))]);

    public static byte[] Gguf(int dataBytes) => new GgufBytes(tensors: 1, keys: 1).Key("general.architecture", 8).Text("llama").Tensor("t", 0, 0, (ulong)dataBytes / 4).Data(dataBytes).ToArray();

    public static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    /// <summary>What a program of the system prints.</summary>
    public static async Task<string> ShellAsync(string folder, string command, params string[] arguments)
    {
        var start = new ProcessStartInfo(command, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{command}: {await errors}");
        return output;
    }

    private static byte[] Safetensors()
    {
        byte[] header = """{"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  """u8.ToArray();
        return [.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[8]];
    }

    /// <summary>A pipe: forward only, in small pieces.</summary>
    private sealed class ForwardOnlyStream(byte[] bytes) : Stream
    {
        private int _position;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
        public override void Flush() => throw new NotSupportedException();
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override int Read(byte[] buffer, int offset, int count)
        {
            int read = Math.Min(Math.Min(count, 100), bytes.Length - _position);
            Array.Copy(bytes, _position, buffer, offset, read);
            _position += read;
            return read;
        }
    }
}
