using ModelOps.Hardware;

namespace ModelOps.Conversion;

/// <summary>What to say when the disk has too little room for a conversion, or refuses a write.</summary>
internal static class DiskErrors
{
    /// <summary>Throws <see cref="ErrorKind.InsufficientDiskSpace"/> when it is known not to suffice.</summary>
    public static void Require(string folder, long bytes, long? free)
    {
        if (free < bytes)
            throw new ModelOpsException(ErrorKind.InsufficientDiskSpace, $"{folder} has {free:N0} bytes free; {bytes:N0} are needed.", "Make room, write to another disk, or choose a smaller type.");
    }

    /// <summary>An error of writing as ours: a full disk by its code, whatever else by its message.</summary>
    public static ModelOpsException Translate(IOException exception, string output)
        => DiskSpace.IsFull(exception)
            ? new ModelOpsException(ErrorKind.InsufficientDiskSpace, $"The disk was full while {output} was written.", "Make room, write to another disk, or choose a smaller type.", exception)
            : new ModelOpsException(ErrorKind.Failure, $"{output} cannot be written: {exception.Message}", null, exception);
}
