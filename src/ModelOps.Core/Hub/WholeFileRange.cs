namespace ModelOps.Hub;

/// <summary>A range out of a whole file, for servers and proxies that ignore ranges.</summary>
internal static class WholeFileRange
{
    /// <summary>More than this is not thrown away to reach a range.</summary>
    private const long MaxSkippedBytes = 64 << 20;
    private const int BufferBytes = 128 << 10;

    /// <summary>Skips to the range; the result ends where it does.</summary>
    public static async Task<Stream> CutAsync(RangeResponse response, long offset, long length, CancellationToken cancellationToken)
    {
        try
        {
            if (offset > MaxSkippedBytes)
                throw new ModelOpsException(ErrorKind.NetworkFailure, "The server, or a proxy on the way, does not answer ranges of a file.", "Go around the proxy (NO_PROXY), or download the file first.");
            byte[] buffer = new byte[Math.Min(BufferBytes, Math.Max(offset, 1))];
            for (long skipped = 0; skipped < offset;)
            {
                int read = await response.Body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, offset - skipped)), cancellationToken).ConfigureAwait(false);
                if (read == 0)
                    throw new ModelOpsException(ErrorKind.InvalidArgument, $"Byte {offset} is behind the end of the file ({skipped} bytes).");
                skipped += read;
            }
            response.Body.LimitTo(length);
            return response.Body;
        }
        catch
        {
            await response.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
