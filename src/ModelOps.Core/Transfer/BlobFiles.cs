namespace ModelOps.Transfer;

/// <summary>
/// The files that belong to a blob. What is not finished ends in .incomplete, which other tools of the cache clean up, but has names of its own:
/// they would take the file's length for the bytes that arrived.
/// </summary>
internal static class BlobFiles
{
    private const string RecordFolder = ".modelops";

    /// <summary>The content while it is downloaded: of the final size, with holes.</summary>
    public static string Partial(string blob) => blob + ".modelops.incomplete";

    /// <summary>Which chunks of the partial file are there.</summary>
    public static string State(string blob) => blob + ".modelops.state.incomplete";

    /// <summary>The checksums of a finished blob, from which a damaged chunk is found. Not in blobs/: other tools take every file there for a blob.</summary>
    public static string Record(string blob) => Path.Combine(Path.GetDirectoryName(Path.GetDirectoryName(blob))!, RecordFolder, Path.GetFileName(blob) + ".chunks");
}
