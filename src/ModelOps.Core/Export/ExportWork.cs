using ModelOps.Formats;

namespace ModelOps.Export;

/// <summary>One weight file of an export.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Layout">Its header and places.</param>
internal sealed record WeightFile(string Name, SafetensorsLayout Layout);

/// <summary>A file whose content the plan has made.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Content">Its bytes.</param>
internal sealed record MadeFile(string Name, byte[] Content);

/// <summary>How a plan is followed.</summary>
internal sealed record ExportWork
{
    public required ExportContainer Container { get; init; }

    public required SafetensorsType Number { get; init; }

    /// <summary>The tensors, in the order of the plan's.</summary>
    public required IReadOnlyList<ExportItem> Items { get; init; }

    public required IReadOnlyList<WeightFile> WeightFiles { get; init; }

    /// <summary>Index of the weight file of each item.</summary>
    public required IReadOnlyList<int> FileOf { get; init; }

    public required IReadOnlyList<MadeFile> Made { get; init; }

    /// <summary>Small files that are copied: name and where from.</summary>
    public required IReadOnlyList<(string Name, string From)> Copied { get; init; }
}
