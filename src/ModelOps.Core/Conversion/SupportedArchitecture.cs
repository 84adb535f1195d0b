using ModelOps.Conversion;

namespace ModelOps;

/// <summary>How it is known that an architecture is converted rightly; the tests do it again.</summary>
public enum ArchitectureEvidence
{
    /// <summary>The files are, byte for byte, those that llama.cpp's own converter writes from the same checkpoints.</summary>
    OfficialFile,

    /// <summary>The engine computes the same logits as from a verified model of another architecture that does the same.</summary>
    EqualLogits,

    /// <summary>The engine computes the logits that an independent forward pass, written for the test, computes from the checkpoint.</summary>
    ReferenceForward,
}

/// <summary>An architecture that can be converted.</summary>
/// <param name="Architecture">GGUF architecture, such as <c>qwen3</c>.</param>
/// <param name="ClassNames">The model library's classes, as config.json's <c>architectures</c> names them.</param>
/// <param name="Evidence">How it is verified.</param>
public sealed record SupportedArchitecture(string Architecture, IReadOnlyList<string> ClassNames, ArchitectureEvidence Evidence)
{
    /// <summary>Every architecture that can be converted, by the names of their classes.</summary>
    public static IReadOnlyList<SupportedArchitecture> All { get; } =
        [.. ArchitectureCatalog.All.Select(architecture => new SupportedArchitecture(architecture.Name, architecture.ClassNames, architecture.Evidence)).OrderBy(architecture => architecture.ClassNames[0], StringComparer.Ordinal)];
}
