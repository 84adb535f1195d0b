using System.Formats.Tar;
using System.Security.Cryptography;
using ModelOps.Store;
using ModelOps.Transfer;

namespace ModelOps;

/// <summary>Writes installed models with their digests to a folder or a tar file, to be carried to machines without a network.</summary>
public static class BundleWriter
{
    private const string PartialSuffix = ".modelops.incomplete";

    /// <summary>The installed model that a text means, <c>org/repo[:variant]</c>; with <paramref name="commit"/>, that of several versions.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ModelNotFound"/>; <see cref="ErrorKind.InvalidArgument"/> for a model that is not in the store.</exception>
    public static InstalledModel Find(ModelStore store, string model, string? commit = null)
    {
        if (commit is not null && ModelName.TryParse(model) is { } name)
        {
            return InstalledFiles.Find(store, name.Repository, name.Variant, commit)
                ?? throw new ModelOpsException(ErrorKind.ModelNotFound, $"{model} is not installed at commit {commit}.", "See what is: modelops list");
        }
        ResolvedModel resolved = store.Resolve(model);
        return store.GetModels().FirstOrDefault(installed => installed.Path == resolved.Path && installed.Kind == resolved.Kind)
            ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{model}' is not in the store.", $"Take it in first: modelops import {model}");
    }

    /// <summary>Plans a bundle of installed models. <paramref name="output"/> is a tar file when it ends in .tar, else a folder.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when the output is there already; <see cref="ErrorKind.InsufficientDiskSpace"/>.</exception>
    public static async Task<BundlePlan> PlanAsync(ModelStore store, IReadOnlyList<InstalledModel> models, string output, bool overwrite = false, CancellationToken cancellationToken = default)
    {
        if (models.Count == 0)
            throw new ModelOpsException(ErrorKind.InvalidArgument, "There is no model to bundle.");
        output = Path.TrimEndingDirectorySeparator(Path.GetFullPath(output));
        bool isArchive = output.EndsWith(".tar", StringComparison.OrdinalIgnoreCase);
        if (!isArchive && (output.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) || output.EndsWith(".tgz", StringComparison.OrdinalIgnoreCase) || output.EndsWith(".zip", StringComparison.OrdinalIgnoreCase)))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{output}': a bundle is a folder or a .tar file; weights do not get smaller.", "Name it .tar");
        bool replaces = CheckOutput(output, isArchive, overwrite);

        var bundled = new List<BundledModel>();
        var contents = new Dictionary<string, BundleContent>(StringComparer.Ordinal);
        // An order of its own, so that the same models give the same bytes.
        foreach (InstalledModel model in models.DistinctBy(model => (model.Repository, model.Commit, model.Variant))
            .OrderBy(model => model.Repository, StringComparer.Ordinal).ThenBy(model => model.Commit, StringComparer.Ordinal).ThenBy(model => model.Variant, StringComparer.Ordinal))
        {
            var files = new List<BundledFile>();
            foreach (StoredFile file in await InstalledFiles.ReadAsync(model, cancellationToken).ConfigureAwait(false))
            {
                string sha256 = await InstalledFiles.Sha256Async(file.Content, file.ETag, cancellationToken).ConfigureAwait(false);
                files.Add(new BundledFile(file.Path, file.Bytes, file.ETag, sha256));
                contents.TryAdd(sha256, new BundleContent(sha256, file.ETag, file.Bytes, file.Content));
            }
            bundled.Add(new BundledModel(model.Repository, model.Commit, References.Of(References.Folder(InstalledFiles.Snapshot(model)), model.Commit), model.Variant, files));
        }
        long bytes = contents.Values.Sum(content => content.Bytes);
        string folder = Path.GetDirectoryName(output) ?? output;
        long? free = store.Options.Transfer.FreeBytes(folder);
        if (free < bytes)
            throw DiskErrors.TooLittle(bytes, free.Value, folder, "The bundle", "write it to another disk");
        return new BundlePlan(output, isArchive, bundled, [.. contents.Values], bytes, free ?? long.MaxValue, replaces);
    }

    /// <summary>Follows the plan: every content is hashed while it is copied; the bundle gets its name when it is complete.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.ChecksumMismatch"/> when the store is damaged; <see cref="ErrorKind.InsufficientDiskSpace"/>. No output is left then.</exception>
    public static async Task<BundleResult> RunAsync(ModelStore store, BundlePlan plan, IProgress<TransferProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        CheckOutput(plan.Output, plan.IsArchive, plan.Replaces);
        var meter = new TransferMeter(progress, plan.Bytes, store.Options.Transfer.ReportEvery, TimeProvider.System);
        byte[] manifest = BundleFormat.Write(plan.Models);
        string partial = plan.Output + PartialSuffix;
        try
        {
            DeleteAny(partial);
            Directory.CreateDirectory(Path.GetDirectoryName(plan.Output)!);
            string? sha256 = plan.IsArchive
                ? await WriteArchiveAsync(partial, plan, manifest, meter, cancellationToken).ConfigureAwait(false)
                : await WriteFolderAsync(partial, plan, manifest, meter, cancellationToken).ConfigureAwait(false);
            long bytes = plan.IsArchive ? new FileInfo(partial).Length : plan.Bytes + manifest.Length;
            Replace(partial, plan.Output, plan.IsArchive);
            return new BundleResult(plan.Output, bytes, sha256, plan.Models);
        }
        catch (Exception e)
        {
            DeleteAny(partial);
            if (e is IOException or UnauthorizedAccessException)
                throw DiskErrors.WriteError(e, plan.Output);
            throw;
        }
    }

    private static async Task<string?> WriteFolderAsync(string folder, BundlePlan plan, byte[] manifest, TransferMeter meter, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.Combine(folder, BundleFormat.BlobFolder));
        foreach (BundleContent content in plan.Contents)
        {
            string target = StoreLayout.File(folder, BundleFormat.BlobName(content.Sha256));
            await BlobCopy.RunAsync(content.Source, target, Described(plan, content), read => meter.AddFetched(content.Sha256, read), cancellationToken).ConfigureAwait(false);
        }
        using var file = new FileStream(Path.Combine(folder, BundleFormat.ManifestName), FileMode.CreateNew, FileAccess.Write, FileShare.None);
        file.Write(manifest);
        file.Flush(flushToDisk: true);
        return null;
    }

    private static async Task<string?> WriteArchiveAsync(string path, BundlePlan plan, byte[] manifest, TransferMeter meter, CancellationToken cancellationToken)
    {
        var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20, FileOptions.Asynchronous);
        await using (file.ConfigureAwait(false))
        {
            using var sha256 = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            var hashing = new HashingWriteStream(file, sha256);
            var tar = new TarWriter(hashing, TarEntryFormat.Gnu, leaveOpen: true);
            await using (tar.ConfigureAwait(false))
            {
                using var text = new MemoryStream(manifest);
                await tar.WriteEntryAsync(Entry(BundleFormat.ManifestName, text), cancellationToken).ConfigureAwait(false);
                foreach (BundleContent content in plan.Contents)
                {
                    Stream source = BlobCopy.OpenSource(content.Source);
                    await using (source.ConfigureAwait(false))
                    {
                        using var verifying = new VerifyingStream(source, Described(plan, content), read => meter.AddFetched(content.Sha256, read));
                        await tar.WriteEntryAsync(Entry(BundleFormat.BlobName(content.Sha256), verifying), cancellationToken).ConfigureAwait(false);
                        verifying.Verify();
                    }
                }
            }
            file.Flush(flushToDisk: true);
            return Convert.ToHexStringLower(sha256.GetHashAndReset());
        }
    }

    // GNU's format: pax headers carry a process id, and ustar stops at 8 GiB. Nobody's file of no date, so that the same models give the same bytes.
    private static GnuTarEntry Entry(string name, Stream content) => new(TarEntryType.RegularFile, name)
    {
        Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead,
        ModificationTime = DateTimeOffset.UnixEpoch,
        DataStream = content,
    };

    private static BlobContent Described(BundlePlan plan, BundleContent content)
    {
        BundledModel model = plan.Models.First(model => model.Files.Any(file => file.Sha256 == content.Sha256));
        return new BlobContent($"{model.Repository}: {model.Files.First(file => file.Sha256 == content.Sha256).Path}", content.Bytes, content.ETag, content.Sha256);
    }

    /// <summary>Whether something is replaced; refuses what must not be.</summary>
    private static bool CheckOutput(string output, bool isArchive, bool overwrite)
    {
        if (!Path.Exists(output) || (Directory.Exists(output) && !isArchive && !Directory.EnumerateFileSystemEntries(output).Any()))
            return false;
        if (!overwrite)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{output}' is there already.", "Choose another name, or replace it with --force.");
        // What is not ours is not deleted, whatever is asked for.
        bool isOurs = isArchive
            ? File.Exists(output)
            : Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).All(entry => Path.GetFileName(entry) is BundleFormat.ManifestName or BundleFormat.BlobFolder);
        return isOurs ? true : throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{output}' is no bundle; it will not be replaced.", "Choose another name.");
    }

    private static void Replace(string partial, string output, bool isArchive)
    {
        if (isArchive)
        {
            File.Move(partial, output, overwrite: true);
            return;
        }
        string old = output + ".old" + PartialSuffix;
        DeleteAny(old);
        if (Directory.Exists(output))
            Directory.Move(output, old);
        try
        {
            Directory.Move(partial, output);
        }
        catch when (Directory.Exists(old) && !Path.Exists(output))
        {
            Directory.Move(old, output);
            throw;
        }
        DeleteAny(old);
    }

    private static void DeleteAny(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
        else
            File.Delete(path);
    }
}
