using System.Runtime.CompilerServices;

namespace ModelOps.Fit.Graph;

/// <summary>What becomes of a tensor's memory.</summary>
internal enum TensorRole : byte
{
    /// <summary>A result with memory of its own.</summary>
    Result,

    /// <summary>A result that may take over the memory of an operand of the same layout (<c>ggml_op_can_inplace</c>).</summary>
    Elementwise,

    /// <summary>Another look at a tensor's memory.</summary>
    View,

    /// <summary>An input of the graph, set by the host before it is computed.</summary>
    Input,

    /// <summary>Memory that is there already: a cache, a state.</summary>
    Stored,

    /// <summary>What another device has, copied.</summary>
    Copy,
}

/// <summary>What the scheduler, and a backend that orders operations anew, ask of an operation.</summary>
internal enum GraphOperation : byte
{
    /// <summary>Computed wherever its weights are, and otherwise where its neighbours are.</summary>
    Compute,

    /// <summary>Another look at memory: nothing is computed.</summary>
    Look,

    /// <summary>Rows picked from a table: too little work to send a table of the host's to a GPU.</summary>
    Rows,

    /// <summary>A selective scan with one state a channel (Mamba), which not every backend computes; one row to the engine, so that a host's is never sent to a GPU.</summary>
    ChannelScan,

    /// <summary>A selective scan with heads (Mamba 2); one row to the engine as well.</summary>
    HeadScan,

    /// <summary>A matrix times a matrix.</summary>
    MatMul,

    /// <summary>Chosen experts' matrices times a matrix.</summary>
    MatMulChosen,

    /// <summary>A sum.</summary>
    Add,

    /// <summary>Chosen experts' biases, added.</summary>
    AddChosen,

    /// <summary>A product, element by element.</summary>
    Multiply,

    /// <summary>A root-mean-square norm.</summary>
    Norm,

    /// <summary>A rotation by position.</summary>
    Rotate,

    /// <summary>Rows written into a cache.</summary>
    SetRows,

    /// <summary>A convolution over time.</summary>
    Convolve,

    /// <summary>A function of each element.</summary>
    Unary,

    /// <summary>A step of choosing experts.</summary>
    Route,
}

/// <summary>Operands of an operation, by their number in the graph.</summary>
[InlineArray(Length)]
internal struct Operands
{
    public const int Length = 8;
    private int _first;
}

/// <summary>A tensor of a compute graph as ggml lays it out: counts and strides from the innermost dimension, and what the allocator knows of it.</summary>
internal struct GraphTensor
{
    public TensorRole Role;
    public GraphOperation Operation;
    public bool IsOutput;
    public bool Visited;
    public bool Allocated;
    public int ElementBytes;
    public int OperandCount;
    public int ViewOf;
    /// <summary>The device that computes it or holds it; -1 as long as nobody knows.</summary>
    public sbyte Device;
    /// <summary>The device that holds the operation's weights; -1 without any.</summary>
    public sbyte WeightDevice;
    /// <summary>Bytes of those weights.</summary>
    public long WeightBytes;
    public int Children;
    public int Views;
    public long N0, N1, N2, N3;
    public long S1, S2, S3;
    public BufferAddress Address;
    public Operands Operands;

    public readonly long Elements => checked(N0 * N1 * N2 * N3);

    /// <summary>Bytes from the first element to the last (<c>ggml_nbytes</c>); more than the elements' where they lie apart.</summary>
    public readonly long Bytes => Elements == 0 ? 0 : checked(N0 * ElementBytes + (N1 - 1) * S1 + (N2 - 1) * S2 + (N3 - 1) * S3);

    /// <summary>Whether another tensor's memory has the place for this one's every element (<c>ggml_are_same_layout</c>).</summary>
    public readonly bool HasLayoutOf(in GraphTensor other)
        => ElementBytes == other.ElementBytes && N0 == other.N0 && N1 == other.N1 && N2 == other.N2 && N3 == other.N3 && S1 == other.S1 && S2 == other.S2 && S3 == other.S3;
}
