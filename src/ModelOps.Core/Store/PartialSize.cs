using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>How much of an unfinished download is on the disk: our partial files have their final length from the start, with holes.</summary>
internal static class PartialSize
{
    public static long Of(PartialScan partial) => partial.Files.Sum(file => file.Name.EndsWith(SnapshotLink.PartialSuffix, StringComparison.Ordinal) && partial.ETag is { } etag
        ? PartialFile.LeftBytes(Path.Combine(file.DirectoryName!, etag), etag, file.Length)
        : file.Length);
}
