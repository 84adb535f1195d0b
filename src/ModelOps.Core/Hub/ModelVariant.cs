namespace ModelOps;

/// <summary>One quantization of a repository: the files that make one model.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Name">Name of the variant: a quantization type such as <c>Q4_K_M</c>, or <c>safetensors</c> for a checkpoint.</param>
/// <param name="Kind">What it is made of.</param>
/// <param name="Bytes">Size of all its files.</param>
/// <param name="Files">The files: the weights (all shards), and for a checkpoint configuration and tokenizer too.</param>
public sealed record ModelVariant(string Repository, string Commit, string Name, ModelKind Kind, long Bytes, IReadOnlyList<RepositoryFile> Files)
{
    /// <summary>Whether it is the one that is taken when none is named.</summary>
    public bool IsDefault { get; init; }

    /// <summary>Quantization type of a GGUF variant: what its header holds, when that was read, else what its name says; null when neither is known.</summary>
    public string? Quantization { get; init; }

    /// <summary>Whether the header holds another type than the name says; null when the header was not read, or the name says none.</summary>
    public bool? NameDisagrees { get; init; }

    /// <summary>Files that go with a GGUF variant but are no part of the model: vision projectors, importance matrices.</summary>
    public IReadOnlyList<ModelCompanion> Companions { get; init; } = [];

    /// <summary>Whether it fits this machine at a moderate context; null when that was not asked or cannot be told.</summary>
    public bool? Fits { get; init; }

    /// <summary>The variant with its vision projector among its files: the F16 one, else BF16, else the first.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/> when it has none.</exception>
    public ModelVariant WithProjector()
    {
        ModelCompanion projector = ChooseProjector(Companions)
            ?? throw new ModelOpsException(ErrorKind.FileNotFound, $"'{Repository}' has no vision projector (mmproj) for '{Name}'.", "Leave the projector out; the model takes text only, or its projector is in another repository.");
        return this with { Files = [.. Files, projector.File], Bytes = Bytes + projector.File.Bytes };
    }

    /// <summary>The projector that is taken when none is named; null when there is none.</summary>
    internal static ModelCompanion? ChooseProjector(IReadOnlyList<ModelCompanion> companions)
    {
        ModelCompanion[] projectors = [.. companions.Where(companion => companion.Kind == CompanionKind.Projector)];
        return projectors.FirstOrDefault(candidate => candidate.Quantization == "F16") ?? projectors.FirstOrDefault(candidate => candidate.Quantization == "BF16") ?? projectors.FirstOrDefault();
    }
}

/// <summary>What a model is stored as.</summary>
public enum ModelKind
{
    /// <summary>One GGUF file, or its shards.</summary>
    Gguf,
    /// <summary>safetensors with config.json and a tokenizer.</summary>
    Checkpoint,
}

/// <summary>What a companion is for.</summary>
public enum CompanionKind
{
    /// <summary>Turns images or sound into what the model reads (<c>mmproj</c>).</summary>
    Projector,
    /// <summary>Which weights matter, for quantizing (<c>imatrix</c>).</summary>
    ImportanceMatrix,
}

/// <summary>A file that goes with a model.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="File">The file, with size and digest.</param>
/// <param name="Quantization">The type that its name says, or null.</param>
public sealed record ModelCompanion(CompanionKind Kind, RepositoryFile File, string? Quantization);
