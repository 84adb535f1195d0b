namespace ModelOps;

/// <summary>Placements for several prompts at once.</summary>
public static class ParallelPlacement
{
    /// <summary>
    /// The wish for so many sequences, each with the context that was wished for one; the default of a single one is the smaller of 4096 and what the model
    /// was trained for. The largest context that fits stays what all of them share.
    /// </summary>
    /// <param name="wish">What is wished for one sequence.</param>
    /// <param name="modelPath">A GGUF file; its header is read where the default is asked for.</param>
    /// <param name="sequences">Sequences, 1 or more.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when all together are too long, and what reading a header throws.</exception>
    public static FitRequest Of(FitRequest wish, string modelPath, int sequences)
    {
        ArgumentNullException.ThrowIfNull(wish);
        if (sequences == 1 || wish.ContextLength.IsLargest)
        {
            return wish with { Sequences = sequences };
        }
        int one = wish.ContextLength.Length is > 0 and int length ? length : DefaultContext(modelPath);
        long all = (long)one * sequences;
        return all <= int.MaxValue
            ? wish with { Sequences = sequences, ContextLength = (int)all }
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"{sequences} sequences with a context of {one} tokens each make no sense.", "Ask for fewer at once, or for a shorter context.");
    }

    private static int DefaultContext(string modelPath)
    {
        const int Longest = 4096;
        GgufFile file = GgufFile.Read(modelPath);
        return (int)Math.Min(Longest, file.Metadata.FindInteger($"{file.Architecture}.context_length") is > 0 and long trained ? trained : Longest);
    }
}
