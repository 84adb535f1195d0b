namespace ModelOps.Chat;

/// <summary>Files that a person names in a chat: read whole, unless they are longer than anybody's conversation (or, as devices, have no end).</summary>
internal static class SmallFile
{
    /// <summary>Most bytes that are read.</summary>
    public const int Longest = 256 << 20;

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.InvalidArgument"/> when it is too long.</exception>
    public static async Task<byte[]> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            await using FileStream file = new(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.Asynchronous | FileOptions.SequentialScan);
            using MemoryStream content = new();
            byte[] piece = new byte[1 << 16];
            for (int read; (read = await file.ReadAsync(piece, cancellationToken).ConfigureAwait(false)) > 0;)
            {
                if (content.Length + read > Longest)
                {
                    throw new ModelOpsException(ErrorKind.InvalidArgument, $"{path} is longer than {Longest >> 20} MiB.", "A chat reads texts and conversations.");
                }
                content.Write(piece, 0, read);
            }
            return content.ToArray();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"{path} cannot be read: {exception.Message}", null, exception);
        }
    }
}
