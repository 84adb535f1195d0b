namespace ModelOps;

/// <summary>A file that a conversion reads, and what proves that it was this one.</summary>
/// <param name="Name">Name in its folder.</param>
/// <param name="Bytes">Size.</param>
/// <param name="Sha256">SHA-256 in lower-case hex; null in a plan that must read the file first, or when digests are not wanted.</param>
public sealed record ConversionInput(string Name, long Bytes, string? Sha256)
{
    /// <summary>Path on this disk; null when it is on a hub.</summary>
    internal string? Path { get; init; }
}
