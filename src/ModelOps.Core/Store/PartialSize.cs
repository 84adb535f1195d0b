using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>How much of an unfinished download is on the disk: our partial files have their final length from the start, with holes.</summary>
internal static class PartialSize
{
    public static long Of(PartialScan partial) => partial.Files.Sum(file =>
    {
        string blob = Path.Combine(file.DirectoryName!, partial.ETag ?? "");
        // A link that was not yet renamed has no length of its own.
        return file.LinkTarget is not null ? 0 : file.FullName == BlobFiles.Partial(blob) ? PartialFile.LeftBytes(blob, partial.ETag!, file.Length) : file.Length;
    });
}
