using System.Buffers;
using System.Numerics;
using System.Runtime.InteropServices;

namespace ModelOps.Conversion;

/// <summary>
/// A tensor of the checkpoint with an adapter's product added: W + scale · (B · A), in F32, the products of a weight summed in the order of
/// the rank. The operations on a weight are the same whatever the threads, the pieces or the processor. What is on a quantization lattice
/// before is not after.
/// </summary>
internal sealed class MergedTensor : LogicalTensor
{
    /// <summary>1 GiB as F32, far more than any adapter's.</summary>
    private const long MaximumFactorWeights = 1L << 28;

    private readonly LogicalTensor _stored;
    private readonly LowRankPair _pair;
    private readonly float _scale;
    private readonly FactorCache _cache;

    public MergedTensor(LogicalTensor stored, LowRankPair pair, double strength, FactorCache cache)
        : base(stored.Name, stored.Shape)
    {
        if (Math.Max(Weights(pair.A), Weights(pair.B)) > MaximumFactorWeights)
            throw new ModelOpsException(ErrorKind.UnsupportedType, $"The LoRA matrices of '{pair.Name}' hold more than {MaximumFactorWeights:N0} weights, which is too many to merge.");
        (_stored, _pair, _scale, _cache) = (stored, pair, (float)(strength * pair.Scale), cache);
        Names = [.. stored.Names, pair.A.Name, pair.B.Name];
    }

    public override IReadOnlyList<string> Names { get; }

    public override SafetensorsType Type => SafetensorsType.F32;

    public override void Read(CheckpointReader reader, long first, Span<float> destination)
    {
        _stored.Read(reader, first, destination);
        var (a, b) = _cache.Get(_pair);
        var length = Shape[1];
        var sum = ArrayPool<float>.Shared.Rent(checked((int)Math.Min(length, destination.Length)));
        try
        {
            while (!destination.IsEmpty)
            {
                var (row, column) = Math.DivRem(first, length);
                var count = (int)Math.Min(length - column, destination.Length);
                var delta = sum.AsSpan(0, count);
                delta.Clear();
                if (_pair.IsEmbedding)
                    AddToken(a, b, (int)row, (int)column, delta);
                else
                    AddRow(a, b, (int)row, (int)column, delta);
                AddProduct(delta, _scale, destination[..count]);
                destination = destination[count..];
                first += count;
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(sum);
        }
    }

    private static long Weights(PlainTensor matrix) => matrix.Shape[0] * matrix.Shape[1];

    private void AddRow(float[] a, float[] b, int row, int column, Span<float> sum)
    {
        var (rank, length) = ((int)_pair.Rank, (int)_pair.A.Shape[1]);
        for (var i = 0; i < rank; i++)
            AddProduct(a.AsSpan((i * length) + column, sum.Length), b[(row * rank) + i], sum);
    }

    // Both matrices lie on their sides.
    private void AddToken(float[] a, float[] b, int token, int column, Span<float> sum)
    {
        var (rank, tokens) = ((int)_pair.Rank, (int)_pair.A.Shape[1]);
        for (var i = 0; i < rank; i++)
        {
            var factor = a[(i * tokens) + token];
            for (var j = 0; j < sum.Length; j++)
                sum[j] += b[((column + j) * rank) + i] * factor;
        }
    }

    /// <summary>sum += row · factor, with a product rounded before it is added: a fused operation would give other bits where there is one.</summary>
    private static void AddProduct(ReadOnlySpan<float> row, float factor, Span<float> sum)
    {
        var vectors = MemoryMarshal.Cast<float, Vector<float>>(row);
        var sums = MemoryMarshal.Cast<float, Vector<float>>(sum);
        for (var i = 0; i < sums.Length; i++)
            sums[i] += vectors[i] * factor;
        for (var i = sums.Length * Vector<float>.Count; i < sum.Length; i++)
            sum[i] += row[i] * factor;
    }
}
