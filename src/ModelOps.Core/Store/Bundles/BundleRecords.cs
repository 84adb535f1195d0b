namespace ModelOps;

/// <summary>A file of a bundle.</summary>
/// <param name="Path">Path in the repository.</param>
/// <param name="Bytes">Size.</param>
/// <param name="ETag">Name of its blob in a store.</param>
/// <param name="Sha256">SHA-256 of the content, and its name in the bundle: <c>blobs/&lt;sha256&gt;</c>.</param>
public sealed record BundledFile(string Path, long Bytes, string ETag, string Sha256);

/// <summary>A model of a bundle.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Revision">Branch or tag that stood for the commit in the store it came from, or null.</param>
/// <param name="Variant">Variant.</param>
/// <param name="Files">Its files.</param>
public sealed record BundledModel(string Repository, string Commit, string? Revision, string Variant, IReadOnlyList<BundledFile> Files)
{
    /// <summary>Size of its files.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public long Bytes => Files.Sum(file => file.Bytes);
}

/// <summary>What <c>manifest.json</c> of a bundle says.</summary>
/// <param name="SchemaVersion">Version of this format.</param>
/// <param name="Models">The models.</param>
public sealed record BundleManifest(int SchemaVersion, IReadOnlyList<BundledModel> Models);

/// <summary>A content that goes into a bundle, once however many files have it.</summary>
/// <param name="Sha256">SHA-256.</param>
/// <param name="ETag">Name of its blob.</param>
/// <param name="Bytes">Size.</param>
/// <param name="Source">The file of the store.</param>
public sealed record BundleContent(string Sha256, string ETag, long Bytes, string Source);

/// <summary>What writing a bundle will do, before it writes anything.</summary>
/// <param name="Output">Folder or tar file.</param>
/// <param name="IsArchive">Whether it is a tar file.</param>
/// <param name="Models">The models, in the order of the manifest.</param>
/// <param name="Contents">What is copied.</param>
/// <param name="Bytes">Bytes of all contents.</param>
/// <param name="DiskFreeBytes">Free bytes of the disk; <see cref="long.MaxValue"/> when the system does not say.</param>
/// <param name="Replaces">Whether a bundle of that name is replaced.</param>
public sealed record BundlePlan(string Output, bool IsArchive, IReadOnlyList<BundledModel> Models, IReadOnlyList<BundleContent> Contents, long Bytes, long DiskFreeBytes, bool Replaces);

/// <summary>A bundle that was written.</summary>
/// <param name="Output">Folder or tar file.</param>
/// <param name="Bytes">Size of the tar file, or of all files of the folder.</param>
/// <param name="Sha256">SHA-256 of the tar file, to be compared after the transport; null for a folder.</param>
/// <param name="Models">The models.</param>
public sealed record BundleResult(string Output, long Bytes, string? Sha256, IReadOnlyList<BundledModel> Models);

/// <summary>A model of a bundle, and how much of it the store has.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Revision">Reference that will stand for the commit, or null.</param>
/// <param name="Variant">Variant.</param>
/// <param name="Directory">The snapshot folder that the files will stand in.</param>
/// <param name="Files">The files.</param>
public sealed record BundledInstall(string Repository, string Commit, string? Revision, string Variant, string Directory, IReadOnlyList<PlannedFile> Files);

/// <summary>What installing from a bundle will do, before it does anything.</summary>
/// <param name="Bundle">Folder, tar file, or <c>-</c>.</param>
/// <param name="Models">The chosen models.</param>
/// <param name="Bytes">Size of their files.</param>
/// <param name="BytesToStore">Bytes that the store does not have yet.</param>
/// <param name="DiskFreeBytes">Free bytes of the store's disk; <see cref="long.MaxValue"/> when the system does not say.</param>
public sealed record BundleInstallPlan(string Bundle, IReadOnlyList<BundledInstall> Models, long Bytes, long BytesToStore, long DiskFreeBytes);
