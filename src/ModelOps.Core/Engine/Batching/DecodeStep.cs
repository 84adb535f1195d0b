namespace ModelOps.Engine;

/// <summary>
/// One decode for all slots at work: the token that each answer has just got, and as much of the prompts as a batch has room for, in the order of their coming.
/// While answers are being written, prompts are read in small batches, so that nobody waits long for the next token.
/// </summary>
internal sealed class DecodeStep(Session session, SlotTable slots, TokenBatch batch, TimeSpan loadTime)
{
    /// <summary>A slot's part in the batch.</summary>
    private readonly record struct Part(Slot Slot, int Count, int Output);

    private readonly List<Part> _parts = [];

    /// <summary>Decodes once. Requests that are done with it have ended, and their slots are idle; those that had to give way are in <paramref name="displaced"/>.</summary>
    public void Run(List<Generation> displaced)
    {
        foreach (var slot in slots.Working.Where(slot => slot.Work!.Context.Count > session.SequenceLength).ToList())
        {
            Shift(slot);
        }
        var limit = batch.Capacity;
        while (slots.AnyWorking)
        {
            Compose(limit);
            var status = session.Decode(batch);
            switch (status)
            {
                case 0:
                    Take();
                    return;
                case 1:
                    limit = MakeRoom(limit, displaced);
                    break;
                case 2:
                    // Aborted since nobody wants the answers; some of the tokens may have been read.
                    foreach (var part in _parts)
                    {
                        Forget(part.Slot, part.Slot.Held.Count);
                    }
                    return;
                default:
                    FailAll(new ModelOpsException(ErrorKind.EngineFailure, EngineLog.Explain($"Decoding failed ({status}).")));
                    return;
            }
        }
    }

    /// <summary>Ends every request at work with an error, and forgets everything.</summary>
    public void FailAll(Exception error)
    {
        foreach (var slot in slots.Working.ToList())
        {
            End(slot, work => work.Fail(error));
        }
        slots.ForgetAll();
    }

    /// <summary>Ends a request in its slot.</summary>
    public static void End(Slot slot, Action<Generation>? how = null)
    {
        using var work = SlotTable.Release(slot);
        how?.Invoke(work);
    }

    private void Compose(int limit)
    {
        batch.Clear();
        _parts.Clear();
        var working = slots.Working.ToList();
        var writing = working.Count(slot => slot.Pending.Length == 1);
        // Whoever writes has a place; what is left goes to those who read.
        var room = (writing > 0 ? Math.Min(limit, Math.Max(session.MicroBatchLength, writing + 1)) : limit) - writing;
        foreach (var slot in working)
        {
            var pending = slot.Pending;
            var count = pending.Length == 1 ? 1 : Math.Min(pending.Length, room);
            if (count == 0)
            {
                continue;
            }
            room -= pending.Length == 1 ? 0 : count;
            var output = -1;
            for (var index = 0; index < count; index++)
            {
                var last = index == pending.Length - 1;
                var place = batch.Add(pending[index], slot.Held.Count + index, slot.Sequence, last);
                output = last ? place : output;
            }
            _parts.Add(new Part(slot, count, output));
        }
    }

    /// <summary>What was decoded is held now; whoever has read all gets its next token.</summary>
    private void Take()
    {
        foreach (var (slot, count, output) in _parts)
        {
            var work = slot.Work!;
            slot.Held.AddRange(slot.Pending[..count]);
            if (output < 0)
            {
                continue;
            }
            try
            {
                if (session.Advance(work, output, loadTime))
                {
                    End(slot);
                }
            }
            catch (Exception error)
            {
                // A grammar without a way on, say: it is this request's alone.
                End(slot, work => work.Fail(error));
            }
        }
    }

    /// <summary>
    /// The cache has no room for the batch. What idle slots remember goes first; then prompts are read in smaller pieces; then the request that came last gives way
    /// and is read again when there is room. A request that is alone has filled the context. Returns the length of the next batch to try.
    /// </summary>
    private int MakeRoom(int limit, List<Generation> displaced)
    {
        if (slots.ForgetIdle())
        {
            return limit;
        }
        var least = _parts.Count;
        if (batch.Count > least)
        {
            return Math.Max(least, batch.Count / 2);
        }
        var last = slots.Working.Last();
        if (_parts.Count > 1 || slots.Working.First() != last)
        {
            displaced.Add(SlotTable.Release(last));
            slots.Truncate(last, 0);
            return batch.Capacity;
        }
        End(last, work => work.Fail(session.Full(work.Context.Count)));
        slots.Truncate(last, 0);
        return limit;
    }

    /// <summary>Drops the older half of a full sequence but for its begin token, as llama.cpp's server does.</summary>
    private void Shift(Slot slot)
    {
        var keep = session.Vocabulary.AddsBos ? 1 : 0;
        var dropped = (slot.Held.Count - keep) / 2;
        if (dropped == 0 || !session.Memory.Drop(slot.Sequence, keep, dropped))
        {
            End(slot, work => work.Fail(session.Full(work.Context.Count)));
            slots.Truncate(slot, 0);
            return;
        }
        slot.HasGap = true;
        slot.Held.RemoveRange(keep, dropped);
        slot.Work!.Context.RemoveRange(keep, dropped);
    }

    private void Forget(Slot slot, int from)
    {
        if (!session.Memory.Truncate(slot.Sequence, from))
        {
            slot.Held.Clear();
        }
    }
}
