using System.Globalization;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>What the ordinary planning does with a recipe, so that a mixture is planned by it and not beside it.</summary>
/// <param name="Settle">The type of each tensor.</param>
/// <param name="Layout">The tensors in their files with the recipe's metadata: the shape and the bytes of the output.</param>
internal sealed record PlanningSteps(Func<Recipe, ConversionOptions, IReadOnlyList<SettledType>> Settle, Func<Recipe, ConversionOptions, IReadOnlyList<GgmlType>, PlannedLayout> Layout);

/// <summary>An output that is laid out.</summary>
/// <param name="Shape">What it takes in memory.</param>
/// <param name="Bytes">Its bytes, all files together.</param>
internal sealed record PlannedLayout(Lazy<ModelShape> Shape, long Bytes);

/// <summary>
/// Chooses the types of a model's tensors for a target: the least sum of gain · error within the bytes. What comes out is a recipe with
/// overrides, from which the same file can be made again without the target.
/// </summary>
internal sealed class MixturePlanner(ModelContents contents, MixTraits traits, ImportanceMatrix? importance, ConversionOptions options, PlanningSteps steps, CancellationToken cancellationToken)
{
    /// <summary>Any recipe that quantises tells which tensors can be, and which types do without an importance matrix.</summary>
    public static readonly Recipe Usual = Recipe.Parse("Q4_K_M");

    /// <summary>Enough halvings of any model's bytes to come within a few thousand.</summary>
    private const int Halvings = 30;

    private readonly ConversionTarget _target = options.Target!;
    private readonly ConversionOptions _options = options with { Target = null };
    private readonly Dictionary<string, GgmlType[]> _settled = [];

    /// <summary>The recipe nearest to the mixture, the options with its types as overrides, and what to show of it.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.DoesNotFit"/> when no mixture is small enough; <see cref="ErrorKind.InvalidArgument"/>.</exception>
    public (Recipe Recipe, ConversionOptions Options, Mixture Mixture) Choose()
    {
        var table = _target.Sensitivity is { } path ? SensitivityTable.Read(path) : null;
        var free = Free();
        var gains = new MixtureGains(table, contents, options.ImportanceMatrix is not null);
        using var reader = new CheckpointReader(contents.Weights.Open([], cancellationToken));
        var problem = MixtureProblem.Measure(contents, free, [.. free.Select(i => gains.Of(contents.Tensors[i].Name, traits))], importance, reader, _options, cancellationToken);
        var target = Math.Min(_target.Bytes ?? long.MaxValue, _target.Fit is null ? long.MaxValue : MostThatFits(problem));
        var nearest = Nearest(target);
        var (selection, bytes) = Within(problem, nearest, target);
        var settled = Settled(nearest);
        return (nearest, With(problem, selection) with { Type = nearest.Name }, new Mixture
        {
            TargetBytes = target,
            Target = Describe(target),
            Sensitivity = gains.Description,
            ExpectedLoss = selection.Loss,
            LossBound = selection.Bound,
            Nearest = new StockComparison(nearest.Name, steps.Layout(nearest, _options, settled).Bytes, free.Select((tensor, i) => problem.Gains[i] * problem.Error(i, settled[tensor], cancellationToken)).Sum()),
            Tensors = [.. free.Select((tensor, i) => Show(problem, i, selection))],
        });
    }

    private MixtureTensor Show(MixtureProblem problem, int i, TypeSelection selection)
    {
        var (source, option) = (contents.Tensors[problem.Tensors[i]], problem.Options[i][selection.Options[i]]);
        return new MixtureTensor(source.Name, option.Type, option.Type.RowBytes(source.Tensor.RowLength) * source.Tensor.Rows, problem.Gains[i], problem.Error(i, option.Type, cancellationToken), option.Loss);
    }

    /// <summary>The tensors that recipes quantise and nobody has named a type for.</summary>
    private List<int> Free()
    {
        var choices = ChooseNames(Usual, _options.Overrides);
        List<int> free = [.. Enumerable.Range(0, choices.Length).Where(i => !choices[i].IsAskedFor && choices[i].Wanted.BlockLength() > 1 && contents.Tensors[i].Type is null
            && contents.Tensors[i].Tensor.RowLength % GgmlType.Q4_0.BlockLength() == 0
            && !(contents.Tensors[i].Tensor is { KeepsType: true } kept && kept.Factors.Any(factor => !factor.IsTrivial)))];
        return free.Count > 0 ? free : throw new ModelOpsException(ErrorKind.InvalidArgument, $"{contents.Source} has no tensors whose type could be chosen.", "Convert it with --type.");
    }

    private TensorChoice[] ChooseNames(Recipe recipe, RecipeOverrides overrides) => TensorTypes.Choose(recipe, overrides, MixedTensors(), traits);

    private List<MixedTensor> MixedTensors()
        => [.. contents.Tensors.Select(source => new MixedTensor(source.Name, source.Tensor.Shape, contents.Rules == TypeRules.Quantizer ? source.Tensor.NativeType!.Value : null))];

    /// <summary>The stock recipe whose output is nearest to a size, of those that are for any model.</summary>
    private Recipe Nearest(long bytes)
    {
        var usual = Recipe.All.Where(recipe => recipe.BaseType.BlockLength() > 1 && recipe.Name != "Q2_K_S"
            && recipe.BaseType is not (GgmlType.MXFP4 or GgmlType.TQ1_0 or GgmlType.TQ2_0 or GgmlType.Q1_0 or GgmlType.Q2_0));
        return (from recipe in usual
                let choices = ChooseNames(recipe, _options.Overrides)
                // What is asked for by name is the same in all of them, and refused later where it cannot be.
                where !contents.Tensors.Zip(choices).Any(tensor => !tensor.Second.IsAskedFor && ImportanceNeed.Of(recipe, tensor.First.Name, tensor.Second.Type) && importance?.Find(tensor.First.Name, tensor.First.Tensor.Shape) is null)
                let types = choices.Select(choice => choice.Type).ToArray()
                select (Recipe: recipe, steps.Layout(recipe, _options, types).Bytes)).MinBy(candidate => Math.Abs((double)candidate.Bytes - bytes)).Recipe;
    }

    /// <summary>The best selection of which the output, headers and all, has at most so many bytes.</summary>
    private (TypeSelection Selection, long Bytes) Within(MixtureProblem problem, Recipe recipe, long target)
    {
        var least = TypeSelector.LeastBytes(problem.Options);
        var smallest = TypeSelector.Select(problem.Options, least);
        var smallestBytes = Bytes(problem, recipe, smallest);
        if (smallestBytes > target)
        {
            throw new ModelOpsException(
                ErrorKind.DoesNotFit,
                string.Create(CultureInfo.InvariantCulture, $"No mixture of types makes {contents.Source} as small as {target:N0} bytes: the smallest has {smallestBytes:N0}."),
                importance is null ? "Types of fewer than 2.6 bits need an importance matrix (--imatrix, -ImportanceMatrix). Else choose a larger size, or a smaller model." : "Choose a larger size, or a smaller model.");
        }
        // Headers name the mixture, so that they are a little larger or smaller with another.
        for (var budget = Math.Min(target, long.MaxValue / 2) - smallestBytes + least; budget > least;)
        {
            var selection = TypeSelector.Select(problem.Options, budget);
            var bytes = Bytes(problem, recipe, selection);
            if (bytes <= target)
                return (selection, bytes);
            budget = Math.Min(budget - (bytes - target), selection.Bytes - 1);
        }
        return (smallest, smallestBytes);
    }

    /// <summary>Bytes of the largest output that fits the machine.</summary>
    private long MostThatFits(MixtureProblem problem)
    {
        var machine = _target.Machine ?? throw new ModelOpsException(ErrorKind.InvalidArgument, "What a model should fit on is not given.");
        var (low, high) = (TypeSelector.LeastBytes(problem.Options), problem.Options.Sum(types => types.Max(option => option.Bytes)));
        if (!Fits(high))
        {
            if (!Fits(low))
                throw DoesNotFit(problem, TypeSelector.Select(problem.Options, low), machine);
            for (var i = 0; i < Halvings && high - low > 1; i++)
            {
                var middle = low + ((high - low) / 2);
                (low, high) = Fits(middle) ? (middle, high) : (low, middle);
            }
            high = low;
        }
        return Bytes(problem, Usual, TypeSelector.Select(problem.Options, high));

        bool Fits(long budget) => FitEstimator.Estimate(Layout(problem, Usual, TypeSelector.Select(problem.Options, budget)).Shape.Value, machine, _target.Fit!).Fits;
    }

    private ModelOpsException DoesNotFit(MixtureProblem problem, TypeSelection smallest, Machine machine)
    {
        var layout = Layout(problem, Usual, smallest);
        var fit = FitEstimator.Estimate(layout.Shape.Value, machine, _target.Fit!);
        return new ModelOpsException(
            ErrorKind.DoesNotFit,
            string.Create(CultureInfo.InvariantCulture, $"Even the smallest mixture of types, {layout.Bytes:N0} bytes, does not fit {machine.Name} at {fit.ContextLength} tokens of context."),
            string.Join(' ', fit.Advice));
    }

    private PlannedLayout Layout(MixtureProblem problem, Recipe recipe, TypeSelection selection)
    {
        GgmlType[] types = [.. Settled(recipe)];
        for (var i = 0; i < problem.Tensors.Count; i++)
            types[problem.Tensors[i]] = problem.Options[i][selection.Options[i]].Type;
        return steps.Layout(recipe, With(problem, selection), types);
    }

    /// <summary>The types under a recipe without a mixture; weights are looked at once for each recipe.</summary>
    private GgmlType[] Settled(Recipe recipe)
    {
        if (!_settled.TryGetValue(recipe.Name, out var types))
            _settled.Add(recipe.Name, types = [.. steps.Settle(recipe, _options).Select(type => type.Type)]);
        return types;
    }

    private long Bytes(MixtureProblem problem, Recipe recipe, TypeSelection selection) => Layout(problem, recipe, selection).Bytes;

    private ConversionOptions With(MixtureProblem problem, TypeSelection selection)
    {
        var patterns = MixturePatterns.Of(problem.Tensors.Select((tensor, i) => (contents.Tensors[tensor].Name, problem.Options[i][selection.Options[i]].Type)));
        return _options with { Overrides = _options.Overrides with { TensorTypes = [.. _options.Overrides.TensorTypes, .. patterns] } };
    }

    private string Describe(long bytes)
    {
        var asked = _target.Bytes is { } most ? string.Create(CultureInfo.InvariantCulture, $"at most {most:N0} bytes") : null;
        if (_target.Fit is not { } fit)
            return asked!;
        var memory = string.Create(CultureInfo.InvariantCulture, $"what fits {_target.Machine!.Name} with {(fit.ContextLength.Length is > 0 and var length ? $"{length} tokens" : "the usual length")} of context, keys and values as {fit.KvType}, and the memory that is free now: {bytes:N0} bytes");
        return asked is null ? memory : $"{asked}, and {memory}";
    }
}
