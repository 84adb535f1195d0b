using ModelOps.Conversion;
using ModelOps.Formats;
using ModelOps.Hub;
using ModelOps.Quantization;

namespace ModelOps;

/// <summary>What a conversion is asked to do.</summary>
public sealed record ConversionOptions
{
    /// <summary>The recipe: <c>F32</c>, <c>F16</c>, <c>BF16</c>, <c>Q8_0</c>, <c>Q4_0</c> …, one of <see cref="Recipe.All"/>.</summary>
    public string Type { get; init; } = "BF16";

    /// <summary>What is different from the recipe; what it names wins over a lattice that would be found.</summary>
    public RecipeOverrides Overrides { get; init; } = RecipeOverrides.None;

    /// <summary>
    /// Look for a quantization lattice, trained or of a quantised checkpoint, and keep it in any recipe that gives as many bits (default), or round as
    /// llama.cpp does.
    /// </summary>
    public bool KeepLattice { get; init; } = true;

    /// <summary>Threads for quantising; 0 means one a core.</summary>
    public int Threads { get; init; }

    /// <summary>
    /// Bytes of memory for weights under way, <see cref="LeastMemoryBytes"/> or more; headers and vocabularies come on top. The result does not
    /// depend on it. The default leaves every machine that runs models room for other work, and is more than any usual conversion takes.
    /// </summary>
    public long MemoryBytes { get; init; } = 512 << 20;

    /// <summary>Least <see cref="MemoryBytes"/>: a chunk of every kind fits, unless its rows are unusually long.</summary>
    public const long LeastMemoryBytes = 64 << 20;

    /// <summary>Most bytes of weights in a file; the rest goes into further files, <c>name-00001-of-00003.gguf</c>. Null writes one file.</summary>
    public long? SplitMaxBytes { get; init; }

    /// <summary>
    /// Write the <c>modelops.*</c> keys: SHA-256 of the source's files, the recipe, the version, the repository and commit. The command and the
    /// cmdlet ask for them; without, the file is byte for byte what llama.cpp's converter writes. The digest of a weight file that no snapshot
    /// tells is computed beside the conversion; on a machine without instructions for SHA-256 that can be the slower part.
    /// </summary>
    public bool Provenance { get; init; }

    /// <summary>Replace an output file that is already there.</summary>
    public bool Overwrite { get; init; }

    /// <summary>Name of the model for <c>general.name</c>; null takes it from the checkpoint.</summary>
    public string? ModelName { get; init; }

    /// <summary>
    /// Convert the vision tower (and what else is not the language model) to a projector file, <c>mmproj</c>, instead of the language model.
    /// </summary>
    public bool Projector { get; init; }

    /// <summary>
    /// llama.cpp's name of the pre-tokenizer (<c>tokenizer.ggml.pre</c>) for a byte-level BPE; null takes it from tokenizer.json, and
    /// refuses what is not recognised there. A wrong one tokenises wrongly without an error.
    /// </summary>
    public string? PreTokenizer { get; init; }

    /// <summary>
    /// An importance matrix: a file of llama-imatrix, GGUF or its older format, by which the types that can (not <c>Q8_0</c>, nor ternary ones) round
    /// what matters more finely. Null for none.
    /// </summary>
    public string? ImportanceMatrix { get; init; }

    /// <summary>LoRA adapters to merge into the model, in this order.</summary>
    public IReadOnlyList<AdapterMerge> Adapters { get; init; } = [];

    /// <summary>
    /// Choose the type of every tensor for a size or for a machine, instead of by a recipe; the plan's
    /// type is then that of the nearest recipe, whatever <see cref="Type"/> says. The plan has the choice in its overrides, and no target. Null for a recipe.
    /// </summary>
    public ConversionTarget? Target { get; init; }

    /// <summary>
    /// When an adapter is converted: folder with the config.json of the model that it adapts; null takes the folder that the adapter names.
    /// </summary>
    public string? BaseModel { get; init; }
}

/// <summary>One tensor of the output and where it comes from.</summary>
/// <param name="Name">Name in the GGUF.</param>
/// <param name="Type">Storage type in the GGUF.</param>
/// <param name="Shape">Dimensions in ggml's order, row length first.</param>
/// <param name="Bytes">Bytes of the data.</param>
/// <param name="Offset">Position in the output file.</param>
/// <param name="Sources">Names of the source's tensors it is made from; empty for a computed one.</param>
/// <param name="Lattice">Whether a quantization lattice was found and will be kept.</param>
/// <param name="File">Which of <see cref="ConversionPlan.Files"/> it goes into.</param>
public sealed record PlannedTensor(string Name, GgmlType Type, IReadOnlyList<long> Shape, long Bytes, long Offset, IReadOnlyList<string> Sources, bool Lattice, int File = 0)
{
    /// <summary>Which lattice is kept, for people, such as <c>4 bit, group 128, symmetric</c>; null when none is.</summary>
    public string? LatticeKind { get; init; }
}

/// <summary>A tensor whose rows are no whole blocks of the type that was wanted for it.</summary>
/// <param name="Name">Name in the GGUF.</param>
/// <param name="Wanted">The type that the recipe, or who overrode it, wanted.</param>
/// <param name="Type">The type that it gets.</param>
/// <param name="RowLength">Weights in a row.</param>
/// <param name="ExtraBitsPerWeight">Bits more that a weight takes; below 0 when it takes fewer.</param>
/// <param name="ExtraBytes">Bytes more that the tensor takes than its weights would in the wanted type.</param>
public sealed record PlannedFallback(string Name, GgmlType Wanted, GgmlType Type, long RowLength, double ExtraBitsPerWeight, long ExtraBytes);

/// <summary>One file of the output.</summary>
/// <param name="Path">Where it will be.</param>
/// <param name="Bytes">Its size.</param>
public sealed record PlannedOutput(string Path, long Bytes);

/// <summary>
/// Everything a conversion will do, computed from headers (and, for lattices, a sample of the weights) before a byte is written. What
/// <c>-WhatIf</c> and <c>--dry-run</c> print is what <see cref="ModelConverter"/> runs.
/// </summary>
public sealed record ConversionPlan
{
    /// <summary>What is converted: a checkpoint folder, a GGUF file (of several shards the one that was named), or a repository with its commit.</summary>
    public required string Source { get; init; }

    /// <summary>The GGUF file to be written; of several the first, which is the one to open.</summary>
    public required string Output { get; init; }

    /// <summary>All files to be written.</summary>
    public required IReadOnlyList<PlannedOutput> Files { get; init; }

    /// <summary>GGUF architecture, such as <c>llama</c> or <c>gemma3</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>How the checkpoint is already quantised, such as <c>gptq 4 bit, group 32</c>; null when it is not.</summary>
    public string? SourceQuantization { get; init; }

    /// <summary>Name of the recipe.</summary>
    public required string Type { get; init; }

    /// <summary>The recipe as it is used, with all overrides: given back as a recipe file it makes the same file.</summary>
    public RecipeFile Recipe => new(Type, Options.Overrides);

    /// <summary>The choice that was made for <see cref="ConversionOptions.Target"/>; null when there was none.</summary>
    public Mixture? Mixture { get; init; }

    /// <summary>Size of the output, all files together.</summary>
    public required long Bytes { get; init; }

    /// <summary>The output's metadata.</summary>
    public required GgufMetadata Metadata { get; init; }

    /// <summary>The output's tensors, in file order.</summary>
    public required IReadOnlyList<PlannedTensor> Tensors { get; init; }

    /// <summary>The tensors that get another type than was wanted, because their rows are no whole blocks of it.</summary>
    public IReadOnlyList<PlannedFallback> Fallbacks { get; init; } = [];

    /// <summary>What all of <see cref="Fallbacks"/> cost: bytes more than the weights would take in the wanted types.</summary>
    public long FallbackBytes => Fallbacks.Sum(fallback => fallback.ExtraBytes);

    /// <summary>What speaks against the conversion, or should be known before it is run; empty when nothing does.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>What is worth knowing and speaks against nothing, such as that the checkpoint has a part that this plan does not write.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The LoRA adapters that are merged. What they change is no longer on a quantization lattice, so none is looked for there.</summary>
    public IReadOnlyList<MergedAdapter> Merged { get; init; } = [];

    /// <summary>The files that the conversion is made from, by name.</summary>
    public IReadOnlyList<ConversionInput> Inputs { get; init; } = [];

    /// <summary>Bytes of weights that come over the network while the plan is followed; 0 for a source on this disk.</summary>
    public long DownloadBytes { get; init; }

    /// <summary>The options the plan was made with.</summary>
    public required ConversionOptions Options { get; init; }

    /// <summary>Whose rules chose the types.</summary>
    internal TypeRules Rules { get; init; }

    /// <summary>How each of <see cref="Tensors"/> is made; null when the plan was not made by <see cref="Create"/>.</summary>
    internal IReadOnlyList<TensorSource>? TensorSources { get; init; }

    /// <summary>The importance matrix of <see cref="ConversionOptions.ImportanceMatrix"/>.</summary>
    internal ImportanceMatrix? Importance { get; init; }

    /// <summary>The checkpoint's weight files, which the output must not replace.</summary>
    internal IReadOnlyList<string> SourceFiles { get; init; } = [];

    /// <summary>Names of the source's tensors in the order that its files hold them; empty when that is not known.</summary>
    internal IReadOnlyList<string> ReadOrder { get; init; } = [];

    /// <summary>Where the weights are read from.</summary>
    internal IWeightLocation Weights { get; init; } = LocalFiles.Location;

    /// <summary>Plans a conversion of a checkpoint folder (safetensors + config.json + tokenizer), or of a GGUF file with all its shards.</summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.UnsupportedArchitecture"/>, <see cref="ErrorKind.UnsupportedTokenizer"/>, <see cref="ErrorKind.UnsupportedType"/>,
    /// <see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.FileNotFound"/>.
    /// </exception>
    public static ConversionPlan Create(string source, string output, ConversionOptions options)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        ArgumentException.ThrowIfNullOrEmpty(output);
        return ConversionPlanner.Plan(source, Path.GetFullPath(output), options);
    }

    /// <summary>
    /// Plans a conversion of what is on a hub, without storing it: headers, small files and (for lattices) a sample of the weights are read now,
    /// the weights when the plan is followed, at this very commit. The hub's client must live until then.
    /// </summary>
    /// <param name="hub">The hub.</param>
    /// <param name="variant">What to convert, from <see cref="RemoteSource.FindAsync"/>.</param>
    /// <param name="output">File to write.</param>
    /// <param name="options">What is asked for.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ModelOpsException">As for <see cref="Create"/>, and what the hub answers.</exception>
    public static Task<ConversionPlan> CreateAsync(HubClient hub, ModelVariant variant, string output, ConversionOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(output);
        return ConversionPlanner.PlanAsync(hub, variant, Path.GetFullPath(output), options, cancellationToken);
    }

    /// <summary>The usual name of the file: the model's, then the type. A GGUF file's own, and a checkpoint's repository or folder.</summary>
    /// <param name="source">Path of the source.</param>
    /// <param name="repository">Repository it belongs to, whose name people know; null when it is none's.</param>
    /// <param name="type">Name of the recipe, or <see cref="ConversionTarget.TypeName"/>.</param>
    /// <param name="projector">Whether it is the projector's.</param>
    public static string DefaultFileName(string source, string? repository, string type, bool projector = false)
    {
        var file = Path.GetFileName(Path.TrimEndingDirectorySeparator(source));
        return DefaultFileName(GgufContents.IsMeant(source) ? GgufName.Model(file) : repository is null ? file : GgufName.File(repository), type, projector);
    }

    /// <summary>The same for what is on a hub.</summary>
    public static string DefaultFileName(ModelVariant variant, string type, bool projector = false)
        => DefaultFileName(variant.Kind == ModelKind.Gguf ? GgufName.Model(RemoteHeaders.Files(variant)[0].Path) : GgufName.File(variant.Repository), type, projector);

    /// <summary>The shape of the model that the plan will write, for a fit before the conversion.</summary>
    public ModelShape ToShape() => ToHeader().ToShape(Metadata.FindString("general.name") ?? Source);

    /// <summary>The header of the model that the plan will write, of all its files together.</summary>
    public ModelHeader ToHeader() => new(Metadata, [.. Tensors.Select(tensor => new GgufTensor(tensor.Name, tensor.Type, tensor.Shape, tensor.Offset, tensor.Bytes))])
    {
        PlannedType = Rules == TypeRules.Converter ? Type : null,
    };

    private static string DefaultFileName(string name, string type, bool projector) => $"{(projector ? "mmproj-" : "")}{name}-{(type == ConversionTarget.TypeName ? type : ModelOps.Recipe.Parse(type).Name)}.gguf";

    /// <summary>The layout of each file: the offsets of <see cref="Tensors"/> come from the same computation.</summary>
    internal IReadOnlyList<GgufLayout> Layouts() => Layouts(Metadata);

    /// <summary>The same with other values in the metadata.</summary>
    internal IReadOnlyList<GgufLayout> Layouts(GgufMetadata metadata)
        => FileSplit.Layouts(metadata, [.. Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Shape))], [.. Tensors.Select(tensor => tensor.File)]);
}
