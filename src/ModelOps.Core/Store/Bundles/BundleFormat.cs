using System.Text.Json;
using System.Text.Json.Serialization;
using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>The format of a bundle: <c>manifest.json</c>, and each content once as <c>blobs/&lt;sha256&gt;</c>. Nothing in a manifest is trusted.</summary>
internal static class BundleFormat
{
    public const string ManifestName = "manifest.json";
    public const string BlobFolder = "blobs";
    public const int MaxManifestBytes = 16 << 20;
    private const int CurrentVersion = 1;
    private const int CommitDigits = 40;

    /// <summary>An exbibyte: no honest bundle comes near, and sums of sizes cannot overflow.</summary>
    private const long MaxBytes = 1L << 60;

    public static string BlobName(string sha256) => $"{BlobFolder}/{sha256}";

    public static byte[] Write(IReadOnlyList<BundledModel> models) => [.. JsonSerializer.SerializeToUtf8Bytes(new BundleManifest(CurrentVersion, models), BundleJson.Default.BundleManifest), (byte)'\n'];

    /// <summary>Reads a manifest and checks all of it.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public static BundleManifest Read(ReadOnlySpan<byte> json, string bundle)
    {
        BundleManifest? manifest;
        try
        {
            manifest = JsonSerializer.Deserialize(json, BundleJson.Default.BundleManifest);
        }
        catch (JsonException e)
        {
            throw Corrupt(bundle, $"its manifest cannot be read: {e.Message}");
        }
        if (manifest is null)
            throw Corrupt(bundle, "its manifest is empty");
        if (manifest.SchemaVersion != CurrentVersion)
            throw Corrupt(bundle, $"its format has version {manifest.SchemaVersion}; this ModelOps reads version {CurrentVersion}");
        if (manifest.Models.Count == 0)
            throw Corrupt(bundle, "it holds no models");
        var sizes = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (BundledModel model in manifest.Models)
            Check(model, sizes, bundle);
        if (manifest.Models.SelectMany(model => model.Files).Aggregate((UInt128)0, (sum, file) => sum + (UInt128)file.Bytes) > MaxBytes)
            throw Corrupt(bundle, "its sizes cannot be");
        if (manifest.Models.GroupBy(model => (model.Repository.ToUpperInvariant(), model.Commit, model.Variant.ToUpperInvariant())).Any(group => group.Count() > 1))
            throw Corrupt(bundle, "it lists a model twice");
        return manifest;
    }

    public static ModelOpsException Corrupt(string bundle, string what, Exception? inner = null) =>
        new(ErrorKind.CorruptFile, $"'{bundle}' is not a proper bundle: {what}.", "Nothing of it was installed under its final name. Compare its SHA-256 with what modelops bundle said, and bring it over again.", inner);

    private static void Check(BundledModel model, Dictionary<string, long> sizes, string bundle)
    {
        if (model is null || !RepositoryName.IsValid(model.Repository))
            throw Corrupt(bundle, $"'{model?.Repository}' is not the name of a repository");
        if (model.Commit.Length != CommitDigits || !BlobDigest.IsDigest(model.Commit))
            throw Corrupt(bundle, $"'{model.Commit}' is not a commit");
        foreach (string name in (string[])[model.Revision ?? "main", model.Variant])
        {
            if (RepositoryPath.Problem(name) is { } problem)
                throw Corrupt(bundle, $"the revision or variant '{name}' {problem}");
        }
        if (model.Files.Count == 0)
            throw Corrupt(bundle, $"{model.Repository} has no files in it");
        var paths = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (BundledFile file in model.Files)
        {
            if (file is null)
                throw Corrupt(bundle, "it lists a file that is none");
            if (RepositoryPath.Problem(file.Path) is { } problem)
                throw Corrupt(bundle, $"the path '{file.Path}' {problem}");
            if (!paths.Add(file.Path))
                throw Corrupt(bundle, $"it lists '{file.Path}' twice");
            if (!BlobDigest.IsSha256(file.Sha256) || !BlobDigest.IsDigest(file.ETag) || (BlobDigest.IsSha256(file.ETag) && file.ETag != file.Sha256))
                throw Corrupt(bundle, $"'{file.Path}' has a digest that is none");
            if (file.Bytes < 0 || !sizes.TryAdd(file.Sha256, file.Bytes) && sizes[file.Sha256] != file.Bytes)
                throw Corrupt(bundle, $"'{file.Path}' has a size that cannot be");
        }
        // "a" cannot be a file when "a/b" is one.
        if (paths.Any(path => Parents(path).Any(paths.Contains)))
            throw Corrupt(bundle, "a file is a folder as well");
    }

    private static IEnumerable<string> Parents(string path)
    {
        for (int slash = path.LastIndexOf('/'); slash > 0; slash = path.LastIndexOf('/', slash - 1))
            yield return path[..slash];
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, WriteIndented = true, NewLine = "\n", RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(BundleManifest))]
internal sealed partial class BundleJson : JsonSerializerContext;
