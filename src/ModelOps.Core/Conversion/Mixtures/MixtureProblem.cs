using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>The tensors that a mixture chooses types for, with what each type of each costs.</summary>
internal sealed class MixtureProblem
{
    private readonly ModelContents _contents;
    private readonly CheckpointReader _reader;
    private readonly TensorErrors _errors;
    private readonly List<List<TypeOption>> _options;
    private readonly ConcurrentDictionary<(int Tensor, GgmlType Type), double> _known = [];

    private MixtureProblem(ModelContents contents, IReadOnlyList<int> tensors, IReadOnlyList<double> gains, CheckpointReader reader, TensorErrors errors)
    {
        (_contents, Tensors, Gains, _reader, _errors) = (contents, tensors, gains, reader, errors);
        _options = [.. tensors.Select(_ => new List<TypeOption>())];
    }

    /// <summary>The tensors, by their places in the contents.</summary>
    public IReadOnlyList<int> Tensors { get; }

    /// <summary>The gain of each.</summary>
    public IReadOnlyList<double> Gains { get; }

    /// <summary>The options of each.</summary>
    public IReadOnlyList<IReadOnlyList<TypeOption>> Options => _options;

    /// <summary>Rounds a sample of each tensor to each of its candidates. The reader must live as long as the problem.</summary>
    public static MixtureProblem Measure(ModelContents contents, IReadOnlyList<int> tensors, IReadOnlyList<double> gains, ImportanceMatrix? importance, CheckpointReader reader, ConversionOptions options, CancellationToken cancellationToken)
    {
        var problem = new MixtureProblem(contents, tensors, gains, reader, new TensorErrors(importance, options.KeepLattice));
        var alignment = contents.Metadata.FindInteger("general.alignment") ?? 32;
        try
        {
            Parallel.For(0, tensors.Count, new ParallelOptions { MaxDegreeOfParallelism = options.Threads > 0 ? options.Threads : Environment.ProcessorCount, CancellationToken = cancellationToken }, i =>
            {
                var source = contents.Tensors[tensors[i]];
                var types = MixtureCandidates.Of(MixturePlanner.Usual, source, importance?.Find(source.Name, source.Tensor.Shape) is not null);
                var errors = problem._errors.Measure(reader, source, types, cancellationToken);
                for (var t = 0; t < types.Count; t++)
                {
                    problem._known[(i, types[t])] = errors[t];
                    // What comes after it in the file begins at a multiple.
                    var bytes = (types[t].RowBytes(source.Tensor.RowLength) * source.Tensor.Rows) + alignment - 1;
                    problem._options[i].Add(new TypeOption(types[t], bytes - (bytes % alignment), gains[i] * errors[t]));
                }
            });
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
        return problem;
    }

    /// <summary>The error of a tensor in a type, which need not be one of its candidates.</summary>
    public double Error(int tensor, GgmlType type, CancellationToken cancellationToken)
        => _known.GetOrAdd((tensor, type), _ => _errors.Measure(_reader, _contents.Tensors[Tensors[tensor]], [type], cancellationToken)[0]);
}
