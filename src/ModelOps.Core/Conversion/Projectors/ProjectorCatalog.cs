using ModelOps.Errors;

namespace ModelOps.Conversion;

/// <summary>The projectors that can be converted.</summary>
internal static class ProjectorCatalog
{
    public static IReadOnlyList<Projector> All { get; } =
    [
        new Gemma3Projector(),
        new Gemma4Projector(),
        new Gemma4UnifiedProjector(),
        new Qwen2VlProjector(),
        new Qwen25VlProjector(),
        .. Qwen3VlProjector.All,
        new Idefics3Projector(),
        new Lfm2VlProjector(),
        new InternVlProjector(),
        new PixtralProjector(),
    ];

    private static readonly Dictionary<string, Projector> ByClassName = All
        .SelectMany(projector => projector.ClassNames, (projector, name) => KeyValuePair.Create(name, projector))
        .ToDictionary(StringComparer.Ordinal);

    /// <summary>The projector that a checkpoint has; null when it has none, or none that is known.</summary>
    public static Projector? Find(CheckpointConfig config)
        => Names(config).Select(name => ByClassName.GetValueOrDefault(name)).FirstOrDefault(projector => projector is not null && config.FindPart("vision_config") is not null);

    /// <summary>The projector of a checkpoint; <see cref="ErrorKind.UnsupportedArchitecture"/> says what it lacks, or names what there is.</summary>
    public static Projector For(CheckpointConfig config)
    {
        if (Find(config) is { } projector)
            return projector;
        var supported = ByClassName.Keys.Order(StringComparer.Ordinal).ToList();
        var hint = $"Supported: {string.Join(", ", supported)}.";
        if (Names(config).LastOrDefault() is not { } name)
            throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{config.Path} does not say which architecture it is: 'architectures' is missing.", hint);
        throw config.FindPart("vision_config") is null
            ? new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{name} has no vision tower: {config.Path} has no 'vision_config'.", "Convert the language model, without the projector.")
            : new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"The vision tower of {name} cannot be converted.", $"{hint} The nearest by name is {supported.MinBy(known => EditDistance.Between(known, name))}.");
    }

    // The tower's own class says more than that of the whole.
    private static IEnumerable<string> Names(CheckpointConfig config)
        => new[] { config.FindPart("vision_config")?.OwnClassName, config.OwnClassName }.OfType<string>();
}
