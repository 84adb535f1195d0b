namespace ModelOps.Server.Inference;

/// <summary>The models of a server by the names that requests give. A name is looked up and nothing else: no path of a request is ever opened.</summary>
internal sealed class ModelCatalog
{
    private readonly Dictionary<string, ResidentModel> _models = new(StringComparer.Ordinal);
    private readonly ResidentModel? _only;

    public ModelCatalog(IReadOnlyList<ResidentModel> models)
    {
        _only = models.Count == 1 ? models[0] : null;
        foreach (ResidentModel model in models)
            _models.Add(model.Offered.Name, model);
        // A repository's name alone will do where one variant of it is offered.
        foreach (IGrouping<string, ResidentModel> repository in models.GroupBy(model => model.Offered.Name.Split(':')[0], StringComparer.Ordinal))
        {
            if (repository.Count() == 1)
                _models.TryAdd(repository.Key, repository.Single());
        }
    }

    /// <summary>The model that a request names; the only one there is when it names none.</summary>
    /// <exception cref="ApiException">There is none of that name, or the name is a path.</exception>
    public ResidentModel Find(string? name)
    {
        if (string.IsNullOrEmpty(name))
            return _only ?? throw Fields.Missing("model");
        if (_models.TryGetValue(name, out ResidentModel? model))
            return model;
        throw new ApiException(LooksLikePath(name)
            ? ApiError.BadRequest("Models are asked for by name, not by path; GET /v1/models lists them.", "model", "model_is_path")
            : ApiError.NoSuchModel(name.Length > 200 ? name[..200] + "…" : name));
    }

    private static bool LooksLikePath(string name) => name[0] is '/' or '.' or '~' || name.Contains('\\') || name.Contains("..", StringComparison.Ordinal) || name.Contains("://", StringComparison.Ordinal)
        || name.Contains('\0') || name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) || (name.Length > 1 && name[1] == ':');
}
