namespace ModelOps.Engine;

/// <summary>What a context remembers of its sequences (<c>llama_memory_t</c>): keys and values, recurrent state, or both.</summary>
/// <param name="api">The engine.</param>
/// <param name="memory">The pointer, 0 for a model without memory; lives as long as its context.</param>
/// <param name="window">Tokens that the model's sliding windows reach back; 0 for none.</param>
internal sealed unsafe class SequenceMemory(LlamaApi api, nint memory, int window)
{
    /// <summary>Models that only read, and keep nothing, have none.</summary>
    public bool Exists => memory != 0;

    /// <summary>Whether positions can be moved, so that a full context can go on.</summary>
    public bool CanShift => Exists && api.MemoryCanShift(memory) != 0;

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        if (Exists)
        {
            api.MemoryClear(memory, 0);
        }
    }

    /// <summary>Forgets a sequence; this never fails.</summary>
    public void Forget(int sequence) => api.MemoryRemove(memory, sequence, -1, -1);

    /// <summary>Forgets a sequence from a position on. False, and all of it is forgotten, where the memory cannot go back to there.</summary>
    public bool Truncate(int sequence, int position)
    {
        if (position > 0 && Reaches(sequence, position) && api.MemoryRemove(memory, sequence, position, -1) != 0)
        {
            return true;
        }
        Forget(sequence);
        return position == 0;
    }

    /// <summary>Drops a piece and closes the gap: what came later moves to lower positions. False, and nothing was done, where the memory cannot.</summary>
    public bool Drop(int sequence, int start, int count)
    {
        if (!CanShift || api.MemoryRemove(memory, sequence, start, start + count) == 0)
        {
            return false;
        }
        api.MemoryMove(memory, sequence, start + count, -1, -count);
        return true;
    }

    /// <summary>
    /// Whether a token at a position would see all that its sliding windows show it: caches of windows keep the latest tokens only, and say so by their
    /// smallest position (llama.cpp's server, pos_min_thold).
    /// </summary>
    private bool Reaches(int sequence, int position)
    {
        if (window == 0)
        {
            return true;
        }
        var first = api.MemoryFirstPosition(memory, sequence);
        return first >= 0 && first <= Math.Max(0, position - window);
    }
}
