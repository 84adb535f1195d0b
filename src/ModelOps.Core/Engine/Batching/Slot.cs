using System.Runtime.InteropServices;

namespace ModelOps.Engine;

/// <summary>A sequence of the context, and the request that it works for.</summary>
internal sealed class Slot(int sequence)
{
    /// <summary>Number of the sequence.</summary>
    public int Sequence => sequence;

    /// <summary>Tokens that the context remembers of it; while it works, those of the request that were read.</summary>
    public List<int> Held { get; } = [];

    /// <summary>Whether a full context has dropped a piece: what came after it was read with the piece in sight, and is no other prompt's beginning.</summary>
    public bool HasGap { get; set; }

    /// <summary>The request; null while it is idle.</summary>
    public Generation? Work { get; set; }

    /// <summary>When it was last given work, counted in requests.</summary>
    public long LastUse { get; set; }

    /// <summary>Tokens of the request that are still to be read; at least one while it works.</summary>
    public ReadOnlySpan<int> Pending => CollectionsMarshal.AsSpan(Work!.Context)[Held.Count..];

    /// <summary>How many tokens it holds of those that a request begins with.</summary>
    public int CommonPrefix(List<int> tokens) => CollectionsMarshal.AsSpan(Held).CommonPrefixLength(CollectionsMarshal.AsSpan(tokens));
}
