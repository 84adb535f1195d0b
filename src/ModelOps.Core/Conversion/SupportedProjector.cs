using ModelOps.Conversion;

namespace ModelOps;

/// <summary>A vision tower (and what else is not the language model) that can be converted to a projector file.</summary>
/// <param name="Projector">llama.cpp's name of its kind, such as <c>gemma3</c>.</param>
/// <param name="ClassNames">The model library's classes, as config.json's <c>architectures</c> names them.</param>
/// <param name="Evidence">How it is verified.</param>
public sealed record SupportedProjector(string Projector, IReadOnlyList<string> ClassNames, ArchitectureEvidence Evidence)
{
    /// <summary>Every projector that can be converted, by the names of their classes.</summary>
    public static IReadOnlyList<SupportedProjector> All { get; } =
        [.. ProjectorCatalog.All.Select(projector => new SupportedProjector(projector.Name, projector.ClassNames, projector.Evidence)).OrderBy(projector => projector.ClassNames[0], StringComparer.Ordinal)];
}
