namespace ModelOps.Transfer;

/// <summary>What a copy must turn out to be.</summary>
/// <param name="Path">Name for people: the path in the repository.</param>
/// <param name="Bytes">Size.</param>
/// <param name="ETag">The digest that the blob is named by.</param>
/// <param name="Sha256">SHA-256 where it is known, also of a small file.</param>
internal sealed record BlobContent(string Path, long Bytes, string ETag, string? Sha256 = null);
