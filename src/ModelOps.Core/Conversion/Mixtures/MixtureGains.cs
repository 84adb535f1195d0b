using System.Globalization;
using ModelOps.Quantization;

namespace ModelOps.Conversion;

/// <summary>What a tensor's error counts for: as it was measured, else as it is assumed for its role.</summary>
internal sealed class MixtureGains
{
    private readonly Dictionary<string, double>? _measured;
    private readonly bool _isTied;

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for a table of errors that are weighted otherwise.</exception>
    public MixtureGains(SensitivityTable? table, ModelContents contents, bool hasImportance)
    {
        _isTied = !contents.Tensors.Any(source => source.Name == "output.weight");
        if (table is null)
        {
            Description = "assumed by the roles of tensors: nothing was measured on this model";
            return;
        }
        if (table.ImportanceMatrix is not null != hasImportance)
        {
            throw new ModelOpsException(
                ErrorKind.InvalidArgument,
                $"The sensitivity was measured {(hasImportance ? "without an importance matrix, and this conversion has one" : $"with the importance matrix {table.ImportanceMatrix}, and this conversion has none")}: errors are not the same numbers then.",
                "Measure it as the conversion is to be.");
        }
        _measured = table.Tensors.DistinctBy(tensor => tensor.Name).ToDictionary(tensor => tensor.Name, tensor => tensor.Gain);
        Description = string.Create(CultureInfo.InvariantCulture, $"measured on {table.Source} with {table.Tokens:N0} tokens{(table.Text is { } text ? $" of {text}" : "")}");
    }

    /// <summary>Where the gains come from.</summary>
    public string Description { get; }

    /// <summary>The gain of a tensor.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when it is of another model.</exception>
    public double Of(string name, MixTraits traits)
    {
        if (_measured is null)
            return AssumedGains.Of(name, traits.Layers, _isTied);
        return _measured.TryGetValue(name, out var gain) ? gain : throw new ModelOpsException(ErrorKind.InvalidArgument, $"The sensitivity table has nothing for '{name}'.", "It was measured on another model, or before layers were pruned; measure it on this one.");
    }
}
