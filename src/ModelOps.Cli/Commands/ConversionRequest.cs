namespace ModelOps.Cli.Commands;

/// <summary>What is to be converted, and where to.</summary>
/// <param name="Source">SOURCE as the user wrote it.</param>
/// <param name="Output">The file to write; null for its usual name in the working folder.</param>
/// <param name="Remote">Whether SOURCE is a repository of the hub.</param>
/// <param name="Revision">Its revision; null for main.</param>
internal sealed record ConversionRequest(string Source, string? Output, bool Remote, string? Revision)
{
    /// <summary>The plan; <paramref name="hub"/>, null unless <see cref="Remote"/>, must live until it has been followed.</summary>
    public async Task<ConversionPlan> PlanAsync(CommandContext context, HubClient? hub, ConversionOptions options, CancellationToken cancellationToken)
    {
        if (hub is null)
        {
            if (Revision is not null)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, "--revision names a revision of the hub.", "Say --remote too, or leave it out: an installed model is converted as it is installed.");
            }
            var store = context.OpenStore();
            var isAdapter = AdapterFolder.IsOne(context.FullPath(Source));
            var model = isAdapter ? new ResolvedModel(context.FullPath(Source), ModelKind.Checkpoint, null) : store.ResolveSource(Source);
            if (isAdapter)
            {
                options = options with { BaseModel = AdapterBase.Find(store, model.Path, options.BaseModel) };
            }
            return ConversionPlan.Create(model.Path, context.FullPath(Output ?? ConversionPlan.DefaultFileName(model.Path, model.Repository, options.Type, options.Projector)), options);
        }
        var name = ModelName.Parse(Source);
        var variant = await RemoteSource.FindAsync(hub, name.Repository, name.Variant, Revision, cancellationToken);
        return await ConversionPlan.CreateAsync(hub, variant, context.FullPath(Output ?? ConversionPlan.DefaultFileName(variant, options.Type, options.Projector)), options, cancellationToken);
    }
}
