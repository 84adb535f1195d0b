namespace ModelOps;

/// <summary>Runs a <see cref="ConversionPlan"/>.</summary>
public static class ModelConverter
{
    /// <summary>
    /// Writes the planned file in one pass: to a partial file beside the output first, renamed when complete, so that a failed or
    /// cancelled run leaves nothing under the final name.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InsufficientDiskSpace"/>, <see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.InvalidArgument"/> when the output exists.</exception>
    public static Task<ConversionResult> RunAsync(ConversionPlan plan, IProgress<ConversionProgress>? progress = null, CancellationToken cancellationToken = default)
        => throw new NotImplementedException();
}
