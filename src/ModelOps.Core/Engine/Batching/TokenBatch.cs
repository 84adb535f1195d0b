using System.Runtime.InteropServices;

namespace ModelOps.Engine;

/// <summary>What one decode is given (<c>llama_batch</c>): tokens of several sequences, each with its position, in native memory.</summary>
internal sealed unsafe class TokenBatch : IDisposable
{
    private readonly int* _tokens;
    private readonly int* _positions;
    private readonly int* _counts;
    private readonly int* _sequences;
    private readonly int** _sequencesOfTokens;
    private readonly sbyte* _outputs;

    /// <param name="capacity">Most tokens of a decode (n_batch).</param>
    public TokenBatch(int capacity)
    {
        Capacity = capacity;
        _tokens = Allocate<int>();
        _positions = Allocate<int>();
        _counts = Allocate<int>();
        _sequences = Allocate<int>();
        _outputs = Allocate<sbyte>();
        _sequencesOfTokens = (int**)NativeMemory.Alloc((nuint)capacity, (nuint)sizeof(int*));
        for (var index = 0; index < capacity; index++)
        {
            _counts[index] = 1;
            _sequencesOfTokens[index] = _sequences + index;
        }

        T* Allocate<T>() where T : unmanaged => (T*)NativeMemory.Alloc((nuint)capacity, (nuint)sizeof(T));
    }

    public int Capacity { get; }

    public int Count { get; private set; }

    /// <summary>For the engine's functions; valid until the next change.</summary>
    public LlamaBatch Native => new()
    {
        TokenCount = Count,
        Tokens = _tokens,
        Positions = _positions,
        SequenceCounts = _counts,
        Sequences = _sequencesOfTokens,
        Outputs = _outputs,
    };

    public void Clear() => Count = 0;

    /// <summary>Adds a token; the place by which its output is asked for.</summary>
    public int Add(int token, int position, int sequence, bool output)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(Count, Capacity);
        _tokens[Count] = token;
        _positions[Count] = position;
        _sequences[Count] = sequence;
        _outputs[Count] = output ? (sbyte)1 : (sbyte)0;
        return Count++;
    }

    public void Dispose()
    {
        NativeMemory.Free(_tokens);
        NativeMemory.Free(_positions);
        NativeMemory.Free(_counts);
        NativeMemory.Free(_sequences);
        NativeMemory.Free(_sequencesOfTokens);
        NativeMemory.Free(_outputs);
    }
}
