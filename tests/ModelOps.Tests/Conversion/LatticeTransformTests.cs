using ModelOps.Conversion;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Rows of a lattice through what architectures do to tensors: they stand for the weights that the same transform gives, or there is no lattice.</summary>
public sealed class LatticeTransformTests
{
    private const int Group = 64;

    [Fact]
    public void OrderedRows_KeepIt()
    {
        RequireSame(Stored(256, 128, order: RowOrders.RotaryPairs(4, 256)));
        RequireSame(Stored(256, 128, order: RowOrders.Tiled(4, 2, 32)));
        RequireSame(Stored(256, 128, order: row => 255 - row));
        // Rows far from each other.
        RequireSame(Stored(1024, 128, order: row => row * 331 % 1024));
    }

    [Fact]
    public void PartsOfBlocks_KeepIt()
    {
        var tensor = new CodedTensor([256, 128], Group);
        RequireSame(new StoredTensor(tensor, new TensorRule("a", "b", [256, 128]) { View = [64, 128], Order = RowOrders.PartOfBlocks(16, 64, 8) }));
        RequireSame(new StoredTensor(tensor, new TensorRule("a", "b", [256, 128]) { Rows = 100 }));
    }

    [Fact]
    public void Stacks_KeepIt()
    {
        TensorSource[] experts = [.. Enumerable.Range(0, 5).Select(index => new StoredTensor(new TensorSlice("slice", new CodedTensor([5, 24, 128], Group), index), new TensorRule("a", "b", [24, 128])))];
        RequireSame(new StackedTensor(experts));
    }

    [Fact]
    public void PaddedRows_KeepIt() => RequireSame(new PaddedTensor(Stored(40, 128), 56));

    /// <summary>Groups are cut where columns that move are fewer.</summary>
    [Theory]
    [InlineData(64, 64)]
    [InlineData(128, 64)]
    [InlineData(32, 32)]
    [InlineData(96, 32)]
    public void MovedColumns_KeepIt(int block, int group)
    {
        var moved = new ReorderedColumns(Stored(48, 384), new ColumnOrder(block, RowOrders.Tiled(2, 384 / block / 2, 1)));
        Assert.Equal(group, moved.Lattice!.GroupLength);
        RequireSame(moved);
    }

    [Fact]
    public void ChangedOrTurnedWeights_HaveNone()
    {
        var stored = Stored(64, 128);
        Assert.Null(new MappedTensor(stored, weight => weight * 2).Lattice);
        Assert.Null(new MultipliedTensor(stored, 2).Lattice);
        Assert.Null(new TransposedTensor(stored, new ColumnRange(0, 128)).Lattice);
        var tensor = new CodedTensor([64, 128], Group);
        Assert.Null(new StoredTensor(tensor, new TensorRule("a", "b", [64, 128]) { Shift = 1 }).Lattice);
        Assert.Null(new StoredTensor(tensor, new TensorRule("a", "b", [64, 128]) { IsLogarithm = true }).Lattice);
        Assert.Null(new StoredTensor(tensor, new TensorRule("a", "b", [64, 128]) { View = [128, 64] }).Lattice);
        Assert.Null(new StackedTensor([stored, Stored(64, 128, group: 32)]).Lattice);
    }

    private static StoredTensor Stored(int rows, int columns, RowOrder? order = null, int group = Group)
        => new(new CodedTensor([rows, columns], group), new TensorRule("a", "b", [rows, columns]) { Order = order });

    private static void RequireSame(TensorSource source)
    {
        using var reader = NumberedTensor.NoReader();
        foreach (var rows in new[] { 1, 7, 32, (int)source.Rows })
        {
            for (var row = 0L; row < source.Rows; row += rows)
            {
                var asked = (int)Math.Min(rows, source.Rows - row);
                var (expected, actual) = (new float[asked * source.RowLength], new float[asked * source.RowLength]);
                source.ReadRows(reader, row, expected);
                using var lattice = source.ReadLattice(reader, row, asked);
                Assert.Equal((asked, source.RowLength, source.Lattice!.GroupLength), (lattice.Rows, lattice.RowLength, lattice.GroupLength));
                lattice.ToWeights(actual);
                Assert.Equal(expected, actual);
            }
        }
    }
}
