namespace ModelOps.Cli.Commands;

/// <summary>What a fit is asked about, from wherever its headers can be read.</summary>
internal sealed record FitSubject(ModelShape Shape, string? Repository, string? Commit, string? Variant, string? Path)
{
    /// <summary>What the hub has of it; null for a model on this disk.</summary>
    public RemoteShape? Remote { get; init; }

    /// <summary>The whole header.</summary>
    public required Func<ModelHeader> ReadHeader { get; init; }

    /// <summary>MODEL on this disk, else in the hub.</summary>
    public static async Task<FitSubject> FindAsync(CommandContext context, string model, string type, CancellationToken cancellationToken)
    {
        try
        {
            return Local(context.Resolve(model), type);
        }
        catch (ModelOpsException exception) when (exception.Kind == ErrorKind.ModelNotFound && ModelName.TryParse(model) is not null)
        {
            // Not on this disk: the hub may have it. What the hub says, not found or unreachable, is the better answer from here on.
        }
        return await RemoteAsync(context, ModelName.Parse(model), type, cancellationToken);
    }

    private static FitSubject Local(ResolvedModel model, string type) => new(ModelShapeReader.Read(model.Path, model.Kind, model.Repository, type), model.Repository, null, null, model.Path)
    {
        ReadHeader = () => ModelHeaderReader.Read(model.Path, model.Kind, type),
    };

    private static async Task<FitSubject> RemoteAsync(CommandContext context, ModelName name, string type, CancellationToken cancellationToken)
    {
        using var hub = context.OpenHub();
        using var progress = context.Output.Progress();
        progress.Of<string>(text => text).Report($"Reading headers of {name}");
        var found = await ModelShapeReader.FindAsync(hub, name.Repository, name.Variant, null, type, ShapeCache.Of(context.OpenStore().Options), cancellationToken);
        return new FitSubject(found.Shape, found.Repository, found.Commit, found.Variant, null)
        {
            Remote = found,
            ReadHeader = () => found.Header,
        };
    }
}
