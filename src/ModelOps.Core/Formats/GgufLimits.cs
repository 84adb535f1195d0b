namespace ModelOps.Formats;

/// <summary>
/// What a GGUF header may ask for. ggml itself allows a gigabyte a string; a header that arrives from a stranger gets far less, and still
/// several times what any published model uses.
/// </summary>
internal static class GgufLimits
{
    public const uint Magic = 0x46554747; // "GGUF", little-endian
    public const int DefaultAlignment = 32;
    public const int MaxAlignment = 1 << 20;
    public const int MaxKeyBytes = 65_535;
    public const int MaxStringBytes = 16 << 20;
    public const int MaxKeys = 65_536;
    public const int MaxTensors = 1_000_000;
    public const int MaxDimensions = 4;

    /// <summary>ggml's GGML_MAX_NAME is 64 with the terminating zero.</summary>
    public const int MaxTensorNameBytes = 63;

    /// <summary>The largest known headers (250 k tokens with merges) are some 16 MiB.</summary>
    public const long MaxHeaderBytes = 256L << 20;
}
