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
    /// <param name="exception">What the system said.</param>
    /// <param name="output">What was written.</param>
    /// <param name="isKept">Whether what was written stays for another run.</param>
    public static ModelOpsException Translate(IOException exception, string output, bool isKept = false)
    {
        var kept = isKept ? " What is converted is kept beside the output; the same command goes on with it." : "";
        return DiskSpace.IsFull(exception)
            ? new ModelOpsException(ErrorKind.InsufficientDiskSpace, $"The disk was full while {output} was written.", $"Make room, write to another disk, or choose a smaller type.{kept}", exception)
            : new ModelOpsException(ErrorKind.Failure, $"{output} cannot be written: {exception.Message}", isKept ? kept.TrimStart() : null, exception);
    }
}
