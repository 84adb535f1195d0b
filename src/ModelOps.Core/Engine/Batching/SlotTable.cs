namespace ModelOps.Engine;

/// <summary>The sequences of a context: which are idle, which are at work, and what they remember.</summary>
internal sealed class SlotTable
{
    // llama.cpp's server takes less in common for a coincidence, such as a begin token (--slot-prompt-similarity).
    private const double LeastCommon = 0.1;

    private readonly Slot[] _slots;
    private readonly SequenceMemory _memory;
    private long _uses;

    public SlotTable(int sequences, SequenceMemory memory)
    {
        _slots = [.. Enumerable.Range(0, sequences).Select(sequence => new Slot(sequence))];
        _memory = memory;
    }

    /// <summary>Slots at work, the one whose request came first in front.</summary>
    public IEnumerable<Slot> Working => _slots.Where(slot => slot.Work is not null).OrderBy(slot => slot.Work!.Order);

    public bool AnyWorking => Array.Exists(_slots, slot => slot.Work is not null);

    public bool AnyIdle => Array.Exists(_slots, slot => slot.Work is null);

    /// <summary>
    /// Gives a request to the idle slot that remembers the most of its beginning, else to the one that was used least lately. The last token is always read:
    /// its output is what chooses the next.
    /// </summary>
    public void Assign(Generation request)
    {
        var (slot, common) = _slots.Where(slot => slot.Work is null)
            .Select(slot => (Slot: slot, Common: Common(slot, request)))
            .OrderByDescending(choice => choice.Common).ThenBy(choice => choice.Slot.LastUse)
            .First();
        Truncate(slot, common);
        slot.HasGap = false;
        slot.Work = request;
        slot.LastUse = ++_uses;
        request.Start(slot.Held.Count);
    }

    /// <summary>Takes the work from a slot; what it holds stays for the next.</summary>
    public static Generation Release(Slot slot)
    {
        var work = slot.Work!;
        slot.Work = null;
        return work;
    }

    /// <summary>Has a slot remember its first tokens only; all is forgotten where the memory cannot go back there.</summary>
    public void Truncate(Slot slot, int length)
    {
        if (length < slot.Held.Count)
        {
            var kept = _memory.Truncate(slot.Sequence, length) ? length : 0;
            slot.Held.RemoveRange(kept, slot.Held.Count - kept);
        }
    }

    /// <summary>Forgets what the idle slot that was used least lately remembers; false when no idle slot remembers anything.</summary>
    public bool ForgetIdle()
    {
        var oldest = _slots.Where(slot => slot.Work is null && slot.Held.Count > 0).MinBy(slot => slot.LastUse);
        if (oldest is null)
        {
            return false;
        }
        Truncate(oldest, 0);
        return true;
    }

    /// <summary>Forgets everything; the memory is cleared.</summary>
    public void ForgetAll()
    {
        _memory.Clear();
        foreach (var slot in _slots)
        {
            slot.Held.Clear();
        }
    }

    private static int Common(Slot slot, Generation request)
    {
        if (slot.HasGap)
        {
            return 0;
        }
        var common = Math.Min(slot.CommonPrefix(request.Context), request.Context.Count - 1);
        return common >= LeastCommon * request.Context.Count ? common : 0;
    }
}
