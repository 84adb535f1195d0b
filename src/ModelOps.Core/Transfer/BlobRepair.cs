namespace ModelOps.Transfer;

/// <summary>Makes a damaged blob right again by fetching what is damaged.</summary>
internal static class BlobRepair
{
    /// <summary>
    /// Takes the damaged file away from its final name, fetches the damaged chunks, and gives it the blob's name when its digest is right. Stopped in
    /// between, it is a partial download, which a repair or an installation continues. The blob's lock must be held.
    /// </summary>
    /// <param name="content">The damaged file: the blob, or the file that stands in a snapshot in its place.</param>
    /// <param name="check">What <see cref="BlobCheck"/> found in it.</param>
    /// <param name="blob">The blob's path, where the repaired file will stand.</param>
    /// <param name="download">The download of that blob, not yet run.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ModelOpsException">As <see cref="BlobDownload.RunAsync"/>.</exception>
    public static async Task RunAsync(string content, BlobCheckResult check, string blob, BlobDownload download, CancellationToken cancellationToken)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(blob)!);
            // The record first: without the file it means nothing, and with the file every chunk is checked again by its checksum.
            using (check.Intact)
                check.Intact.Keep(BlobFiles.State(blob));
            File.Move(content, BlobFiles.Partial(blob), overwrite: true);
            using FileStream partial = new(BlobFiles.Partial(blob), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            partial.SetLength(check.Intact.Grid.Bytes);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, content);
        }
        await download.RunAsync(cancellationToken).ConfigureAwait(false);
    }
}
