namespace ModelOps;

/// <summary>A file of a plan to save a model.</summary>
/// <param name="Path">Path in the repository, and in the folder.</param>
/// <param name="Bytes">Size.</param>
/// <param name="ETag">Digest that the content must have.</param>
/// <param name="PresentBytes">Bytes that the folder has already: of the very file, or of a download that was stopped.</param>
/// <param name="Source">The file of the store that it is copied from; null when it is there already or must be downloaded.</param>
/// <param name="Replaces">Whether the folder has another file of this name, which will be replaced.</param>
public sealed record SavedFile(string Path, long Bytes, string ETag, long PresentBytes, string? Source, bool Replaces);

/// <summary>What saving a model to a folder will do, before it does anything.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Revision">Revision that was asked for.</param>
/// <param name="Commit">Commit that it stands for.</param>
/// <param name="Variant">Name of the variant.</param>
/// <param name="Kind">What it is made of.</param>
/// <param name="Directory">The folder.</param>
/// <param name="Files">The files.</param>
/// <param name="Bytes">Size of all files.</param>
/// <param name="BytesToCopy">Bytes that come from the store.</param>
/// <param name="BytesToFetch">Bytes that must come over the network.</param>
/// <param name="DiskFreeBytes">Free bytes of the folder's disk; <see cref="long.MaxValue"/> when the system does not say.</param>
public sealed record SavePlan(
    string Repository,
    string Revision,
    string Commit,
    string Variant,
    ModelKind Kind,
    string Directory,
    IReadOnlyList<SavedFile> Files,
    long Bytes,
    long BytesToCopy,
    long BytesToFetch,
    long DiskFreeBytes);

/// <summary>A model in a plain folder.</summary>
/// <param name="Repository">Repository that it came from.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Variant">Variant.</param>
/// <param name="Kind">What it is made of.</param>
/// <param name="Path">What <c>-Model</c> takes: the GGUF file (first shard), or the folder.</param>
/// <param name="Bytes">Size of its files.</param>
/// <param name="Files">Its files.</param>
public sealed record SavedModel(string Repository, string Commit, string Variant, ModelKind Kind, string Path, long Bytes, IReadOnlyList<InstalledFile> Files);
