using ModelOps.Quantization;

namespace ModelOps.Fit;

/// <summary>What a model would be with another recipe: the very types and bytes that a conversion would write, from the tensors' names and shapes.</summary>
internal static class RecipeShapes
{
    // Of llama.cpp's recipes those that people take, without an importance matrix; from least to most loss.
    private static readonly string[] Usual = ["Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "IQ4_XS", "Q3_K_M", "Q2_K"];

    /// <summary>Whether the model's weights are those of a checkpoint, or a file's that were hardly rounded.</summary>
    public static bool IsOriginal(ModelShape model) => model.PlannedType is not null || Dominant(model).BitsPerWeight() >= 16;

    /// <summary>The model with each of the usual recipes, from the largest to the smallest; nothing for one whose tensors are not known.</summary>
    public static IEnumerable<(string Recipe, ModelShape Shape)> Of(ModelShape model)
        => model.Tensors.All(tensor => tensor.Shape.Count == 0) ? []
            : from name in Usual let shape = Find(model, Recipe.Parse(name)) where shape is not null select (name, shape);

    private static ModelShape? Find(ModelShape model, Recipe recipe)
    {
        try
        {
            return With(model, recipe);
        }
        catch (ModelOpsException exception) when (exception.Kind is ErrorKind.CorruptFile or ErrorKind.UnsupportedType)
        {
            // A mix that goes by layers, for a mixture that names its layers otherwise: it cannot be converted so.
            return null;
        }
    }

    /// <summary>The model with a recipe. A file's tensors get the types that llama-quantize would give them, a checkpoint's those that its conversion would.</summary>
    public static ModelShape With(ModelShape model, Recipe recipe)
    {
        List<(string Name, TensorGroup Group)> tensors = [.. model.Tensors.SelectMany(Names)];
        List<MixedTensor> mixed = [.. tensors.Select(tensor => new MixedTensor(tensor.Name, tensor.Group.Shape, model.PlannedType is null ? tensor.Group.Type : null))];
        var traits = new MixTraits(model.Architecture, model.Layers, model.Experts, model.Heads[0], model.FirstKvHeads);
        var choices = TensorTypes.Choose(recipe, RecipeOverrides.None, mixed, traits);
        // What has another type than the plan's own recipe gives has it from the checkpoint, and keeps it.
        var planned = model.PlannedType is { } type ? TensorTypes.Choose(Recipe.Parse(type), RecipeOverrides.None, mixed, traits) : null;
        var weights = new LayerWeights(
            tensors.Select((tensor, index) => Typed(tensor.Name, tensor.Group, planned is not null && planned[index].Type != tensor.Group.Type ? tensor.Group.Type : choices[index].Type)),
            model.Layers,
            model.LoadedLayers,
            model.Experts,
            model.ExpertsUsed);
        return weights.Of(model) with { PlannedType = model.PlannedType is null ? null : recipe.Name };
    }

    private static IEnumerable<(string Name, TensorGroup Group)> Names(TensorGroup group)
        => group.Layers.Count == 0 ? [(group.Name, group)] : group.Layers.Select(layer => (group.NameIn(layer), group));

    private static GgufTensor Typed(string name, TensorGroup group, GgmlType type)
    {
        var rows = group.Shape.Skip(1).Aggregate(1L, (product, length) => checked(product * length));
        return new GgufTensor(name, type, group.Shape, 0, checked(type.RowBytes(group.Shape[0]) * rows));
    }

    private static GgmlType Dominant(ModelShape model)
        => model.Tensors.GroupBy(group => group.Type, group => group.Bytes * Math.Max(1, group.Layers.Count)).MaxBy(type => type.Sum())!.Key;
}
