using System.Runtime.Intrinsics;

namespace ModelOps.Quantization;

/// <summary>
/// A codebook of ggml's: which groups of codes can be stored, and near which others are. A group is a pattern, the codes of 8 weights in 2
/// bits each or of 4 weights in 3 bits each, the first weight lowest (iq2xs_init_impl, iq3xs_init_impl). Worked out at first use.
/// </summary>
internal sealed class Codebook
{
    private const ushort OffGrid = ushort.MaxValue;

    /// <summary>Neighbour lists are filled up to a multiple of this.</summary>
    public const int ListUnit = 8;

    private readonly ushort[] _points;
    private readonly int _codes;

    // By pattern: the point's index, or where in the neighbours its list begins and ends.
    private readonly ushort[] _indices;
    private readonly int[] _listEnds;
    private readonly ushort[] _neighbours;

    /// <param name="points">Patterns in the order of their indices.</param>
    /// <param name="bits">Bits of a code.</param>
    /// <param name="codes">How many codes there are.</param>
    /// <param name="shells">How many different distances the neighbours of a pattern may have.</param>
    private Codebook(ReadOnlySpan<ushort> points, int bits, int codes, int shells)
    {
        _points = points.ToArray();
        _codes = codes;
        Bits = bits;
        Dimensions = bits == 2 ? 8 : 4;
        _indices = new ushort[1 << (bits * Dimensions)];
        Array.Fill(_indices, OffGrid);
        for (var i = 0; i < points.Length; i++)
            _indices[points[i]] = (ushort)i;
        _listEnds = new int[_indices.Length + 1];
        _neighbours = FindNeighbours(shells);
    }

    public static Lazy<Codebook> IQ2_XXS { get; } = new(() => new Codebook(CodebookPoints.IQ2_XXS, 2, 3, 2));

    public static Lazy<Codebook> IQ2_XS { get; } = new(() => new Codebook(CodebookPoints.IQ2_XS, 2, 3, 2));

    public static Lazy<Codebook> IQ2_S { get; } = new(() => new Codebook(CodebookPoints.IQ2_S, 2, 3, 1));

    public static Lazy<Codebook> IQ3_XXS { get; } = new(() => new Codebook(CodebookPoints.IQ3_XXS, 3, 8, 2));

    public static Lazy<Codebook> IQ3_S { get; } = new(() => new Codebook(CodebookPoints.IQ3_S, 3, 8, 3));

    public static Lazy<Codebook> IQ1 { get; } = new(() => new Codebook(CodebookPoints.IQ1, 2, 3, 3));

    /// <summary>Bits of a code.</summary>
    public int Bits { get; }

    /// <summary>Weights of a group.</summary>
    public int Dimensions { get; }

    /// <summary>The largest code.</summary>
    public int LargestCode => _codes - 1;

    /// <summary>What the magnitude types make of a code: an odd number, times the scale; as many as a lane's index can name.</summary>
    public Vector256<float> Levels => Bits == 3 ? Vector256.Create(1f, 3, 5, 7, 9, 11, 13, 15) : Vector256.Create(1f, 3, 5, 0, 1, 3, 5, 0);

    /// <summary>The largest level.</summary>
    public int TopLevel => (2 * LargestCode) + 1;

    /// <summary>Whether a pattern is a point.</summary>
    public bool Contains(int pattern) => _indices[pattern] != OffGrid;

    /// <summary>The index of a pattern that is a point.</summary>
    public int IndexOf(int pattern) => _indices[pattern];

    /// <summary>
    /// The points nearest to a pattern that is none, the nearest first, of equally near ones the first in the codebook; at the end the
    /// first is repeated until the list has a multiple of <see cref="ListUnit"/>.
    /// </summary>
    public ReadOnlySpan<ushort> NeighboursOf(int pattern) => _neighbours.AsSpan(_listEnds[pattern].._listEnds[pattern + 1]);

    private ushort[] FindNeighbours(int shells)
    {
        var neighbours = new List<ushort>();
        var distances = new int[_points.Length];
        for (var pattern = 0; pattern < _indices.Length; pattern++)
        {
            if (!Contains(pattern) && HasCodes(pattern))
                AddNeighbours(pattern, shells, distances, neighbours);
            _listEnds[pattern + 1] = neighbours.Count;
        }
        return [.. neighbours];
    }

    private void AddNeighbours(int pattern, int shells, int[] distances, List<ushort> neighbours)
    {
        for (var i = 0; i < _points.Length; i++)
            distances[i] = Distance(_points[i], pattern);
        var begin = neighbours.Count;
        var shell = -1;
        for (var found = 0; found < shells; found++)
        {
            shell = Next(distances, shell);
            for (var i = 0; i < distances.Length; i++)
            {
                if (distances[i] == shell)
                    neighbours.Add(_points[i]);
            }
        }
        while ((neighbours.Count - begin) % ListUnit != 0)
            neighbours.Add(neighbours[begin]);
    }

    /// <summary>The least distance beyond another.</summary>
    private static int Next(int[] distances, int inner)
    {
        var next = int.MaxValue;
        foreach (var distance in distances)
        {
            if (distance > inner && distance < next)
                next = distance;
        }
        return next;
    }

    private int Distance(int left, int right)
    {
        var sum = 0;
        for (var i = 0; i < Dimensions; i++, left >>= Bits, right >>= Bits)
        {
            var difference = (left & ((1 << Bits) - 1)) - (right & ((1 << Bits) - 1));
            sum += difference * difference;
        }
        return sum;
    }

    private bool HasCodes(int pattern)
    {
        for (; pattern != 0; pattern >>= Bits)
        {
            if ((pattern & ((1 << Bits) - 1)) >= _codes)
                return false;
        }
        return true;
    }
}
