namespace ModelOps.Conversion;

/// <summary>
/// The experts of a layer as MLX stacks them, <c>mlp.switch_mlp.up_proj.weight</c> [experts, out, in], back to one matrix each, by the names
/// that the model library gives them.
/// </summary>
internal static class StackedExperts
{
    private const string Stack = ".switch_mlp.";
    private const int MaximumExperts = 4096;

    private static readonly (string Mlx, string Mixtral)[] MixtralNames = [("gate_proj", "w1"), ("down_proj", "w2"), ("up_proj", "w3")];

    /// <summary>The matrices of a stack of experts; any other tensor is itself.</summary>
    public static IEnumerable<LogicalTensor> Divide(LogicalTensor tensor)
    {
        if (!tensor.Name.Contains(Stack, StringComparison.Ordinal) || tensor.Shape.Count != 3 || tensor.Shape[0] > MaximumExperts)
            return [tensor];
        var name = tensor.Name;
        if (name.Contains(".block_sparse_moe.", StringComparison.Ordinal))
        {
            foreach (var (mlx, mixtral) in MixtralNames)
                name = name.Replace($".{mlx}.", $".{mixtral}.", StringComparison.Ordinal);
        }
        return Enumerable.Range(0, (int)tensor.Shape[0]).Select(expert => new TensorSlice(name.Replace(Stack, $".experts.{expert}.", StringComparison.Ordinal), tensor, expert));
    }
}
