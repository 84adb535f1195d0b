namespace ModelOps;

/// <summary>A file of a download plan.</summary>
/// <param name="Path">Path in the repository.</param>
/// <param name="Bytes">Size.</param>
/// <param name="ETag">Digest that the content must have and the name of its blob.</param>
/// <param name="PresentBytes">Bytes that are already on this disk: a file of the right size under its final name, or what a resumable partial file has.</param>
public sealed record PlannedFile(string Path, long Bytes, string ETag, long PresentBytes)
{
    /// <summary>A file of a shared store that it is copied from, checked by its digest, instead of being fetched; or null.</summary>
    public string? CopyFrom { get; init; }
}

/// <summary>What a download will fetch, before it fetches anything.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Revision">Revision that was asked for, such as <c>main</c>.</param>
/// <param name="Commit">Commit that it stands for.</param>
/// <param name="Variant">Name of the variant, or null for chosen files.</param>
/// <param name="Directory">The snapshot folder that the files will stand in.</param>
/// <param name="Files">The files.</param>
/// <param name="Bytes">Size of all files.</param>
/// <param name="BytesToFetch">Bytes that must come over the network.</param>
/// <param name="DiskFreeBytes">Free bytes of the disk; <see cref="long.MaxValue"/> when the system does not say.</param>
public sealed record DownloadPlan(string Repository, string Revision, string Commit, string? Variant, string Directory, IReadOnlyList<PlannedFile> Files, long Bytes, long BytesToFetch, long DiskFreeBytes)
{
    /// <summary>Whether a shared store has all of it: the model is used there, and nothing is written.</summary>
    public bool IsShared { get; init; }
}

/// <summary>How far a download is.</summary>
/// <param name="File">The file that advanced last.</param>
/// <param name="BytesDone">Bytes present so far, of all files.</param>
/// <param name="TotalBytes">Size of all files.</param>
/// <param name="BytesPerSecond">Speed over the last seconds.</param>
public sealed record TransferProgress(string File, long BytesDone, long TotalBytes, double BytesPerSecond)
{
    /// <summary>Time left at that speed; null while it is not known.</summary>
    public TimeSpan? Remaining { get; init; }

    /// <summary>Whether another process is downloading <see cref="File"/>, and this one waits for it.</summary>
    public bool IsElsewhere { get; init; }
}
