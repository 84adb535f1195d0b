using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>
/// The type that keeps a tensor's lattice under a recipe. A recipe says how many bits a weight may take: a lattice of no more bits is kept as it
/// is, since more than it has would only make the file larger, and any other grid would round it; one of more bits is rounded, as the recipe asks.
/// F32, F16 and BF16 ask for weights that are not quantised.
/// </summary>
internal static class LatticeChoice
{
    /// <summary>Rows that are looked at where codes decide, and not scales alone.</summary>
    private const int SampledRows = 16;

    /// <summary>The type for a tensor; null when it has no lattice, or none that a type within the recipe's bits holds.</summary>
    /// <param name="reader">The source's files, of which a sample is read.</param>
    /// <param name="tensor">The tensor.</param>
    /// <param name="recipe">The recipe.</param>
    public static SettledType? Find(CheckpointReader reader, TensorSource tensor, Recipe recipe)
        => recipe.BaseType.BlockLength() == 1 || IsMadeSmaller(tensor, recipe.BaseType) ? null : Find(reader, tensor, blocks => blocks.Bits <= CodeBits(recipe.BaseType));

    /// <summary>The same for a type that was asked for; null when it does not hold the tensor's lattice.</summary>
    public static SettledType? Find(CheckpointReader reader, TensorSource tensor, GgmlType type) => Find(reader, tensor, blocks => blocks.Type == type);

    private static SettledType? Find(CheckpointReader reader, TensorSource tensor, Func<BlockLattice, bool> isAllowed)
    {
        if (tensor.Lattice is { } lattice)
            return FindStored(reader, tensor, lattice, isAllowed);
        if (tensor.NativeType is { } native && BlockLattice.Of(native) is { } blocks)
            return isAllowed(blocks) ? new SettledType(native, $"{native}") : null;
        return isAllowed(BlockLattice.Of(GgmlType.Q4_0)!) && LatticeSample.IsLattice(reader, tensor) ? new SettledType(GgmlType.Q4_0, "4 bit, group 32, trained") : null;
    }

    /// <summary>Whether a recipe's blocks are smaller than a GGUF file's, of as many bits or not: who asks for Q4_0 of a Q4_1 file wants the smaller one.</summary>
    private static bool IsMadeSmaller(TensorSource tensor, GgmlType wanted) => tensor.Lattice is null && tensor.NativeType is { } native && native.BlockLength() > 1 && native.BitsPerWeight() > wanted.BitsPerWeight();

    /// <summary>Of the types that hold all codes of the sample, the one that holds most groups exactly; of several the smallest.</summary>
    private static SettledType? FindStored(CheckpointReader reader, TensorSource tensor, Lattice lattice, Func<BlockLattice, bool> isAllowed)
    {
        var types = BlockLattice.All.Where(blocks => isAllowed(blocks) && blocks.HasRoom(lattice.GroupLength, tensor.RowLength)).ToList();
        if (types.Count == 0 || tensor.SampleLattice(reader) is not { Count: > 0 } sample)
            return null;
        // Scales that F16 does not have, as of rows that are all but dead, fit no type; their blocks are rounded.
        var groups = sample.Where(BlockLattice.HasScale).ToList();
        if (groups.Count * 20 <= sample.Count * 19)
            return null;
        var (least, most) = lattice.Bits == 2 ? CodesOf(reader, tensor) : (lattice.LeastCode, lattice.MostCode);
        var best = types.Select(blocks => (blocks.Type, Exact: CountExact(blocks, groups, least, most))).OrderByDescending(candidate => candidate.Exact).First();
        return best.Exact is null ? null : new SettledType(best.Type, Describe(lattice, tensor.RowLength, groups));
    }

    /// <summary>How many groups a type holds exactly; null when there is one whose codes it does not hold.</summary>
    private static int? CountExact(BlockLattice blocks, List<LatticeGroup> groups, int least, int most)
    {
        var exact = 0;
        foreach (var group in groups)
        {
            if (blocks.TryPlace(group, least, most) is not { } place)
                return null;
            exact += place.IsExact ? 1 : 0;
        }
        return exact;
    }

    /// <summary>The codes that occur in a sample: of the four of two bits, ternary weights have three.</summary>
    private static (int Least, int Most) CodesOf(CheckpointReader reader, TensorSource tensor)
    {
        var rows = (int)Math.Min(tensor.Rows, SampledRows);
        using var sample = tensor.ReadLattice(reader, (tensor.Rows - rows) / 2, rows);
        var (least, most) = (short.MaxValue, short.MinValue);
        foreach (var code in sample.Codes)
            (least, most) = (Math.Min(least, code), Math.Max(most, code));
        return (least, most);
    }

    private static string Describe(Lattice lattice, long rowLength, IReadOnlyList<LatticeGroup> groups)
    {
        var isSymmetric = groups.All(group => group.Zero == groups[0].Zero && group.Zero is not null);
        return $"{lattice.Bits} bit, {(lattice.GroupLength >= rowLength ? "whole rows" : $"group {lattice.GroupLength}")}, {(isSymmetric ? "symmetric" : lattice.IsBiased ? "biases" : "zeros")}";
    }

    /// <summary>Bits of a code of a type, without its share of a block's scales.</summary>
    private static int CodeBits(GgmlType type) => type switch
    {
        GgmlType.Q4_1 => 4,
        GgmlType.Q5_1 => 5,
        _ => (int)type.BitsPerWeight(),
    };
}
