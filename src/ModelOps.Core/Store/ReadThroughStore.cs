using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelOps.Hub;
using ModelOps.Transfer;

namespace ModelOps.Store;

/// <summary>
/// A store that others read, and through it a hub: what is not here is asked from upstream once and kept. Errors are those of <see cref="HubClient"/>,
/// as <see cref="ModelOpsException"/> or, with how long the hub asked to wait, as <see cref="HubFailure"/>.
/// </summary>
internal sealed class ReadThroughStore : IAsyncDisposable
{
    private const int MostRemembered = 1000;
    private static readonly TimeSpan LongestPatience = TimeSpan.FromSeconds(30);

    private readonly ReadThroughOptions _options;
    private readonly StoreLayout _layout;
    private readonly StoreContents _contents;
    private readonly RevisionRecords _records;
    private readonly LocalRevisions _local;
    private readonly HubClient? _hub;
    private readonly UpstreamDownloads? _downloads;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<(string Repository, string Revision), Answer> _answers = new();

    public ReadThroughStore(ReadThroughOptions options)
    {
        _options = options;
        _layout = new StoreLayout(options.Store.Directory);
        _contents = new StoreContents(_layout);
        _records = new RevisionRecords(_layout);
        _local = new LocalRevisions(_layout, _contents, _records, options.Upstream is not null, options.Remark);
        _time = options.Upstream?.Time ?? TimeProvider.System;
        if (options.Upstream is { } upstream)
        {
            _hub = new HubClient(upstream);
            _downloads = new UpstreamDownloads(_layout, _records, options.Store, _hub, options.MaxDownloads, options.Remark);
        }
    }

    /// <summary>Whether more than what is here can be had.</summary>
    public bool HasUpstream => _hub is not null;

    /// <summary>The repositories that are here.</summary>
    public IReadOnlyList<string> Repositories() => [.. _contents.Repositories()];

    /// <summary>The files of a revision that are here, without a question to upstream; null when it is not here or not for everybody.</summary>
    public async Task<KnownRevision?> FindHereAsync(string repository, CancellationToken cancellationToken)
    {
        KnownRevision? revision = await _local.FindAsync(repository, "main", cancellationToken).ConfigureAwait(false);
        return revision is null || (!_options.ServesRestricted && Restriction(revision.Model, repository) is not null) ? null : revision;
    }

    /// <summary>The files of a revision that stand in its snapshot.</summary>
    public IReadOnlyDictionary<string, ShownFile> FilesHere(KnownRevision revision) => _contents.Files(revision.Repository, revision.Commit);

    /// <summary>A repository at a branch, tag or commit.</summary>
    public async Task<KnownRevision> FindAsync(string repository, string revision, CancellationToken cancellationToken)
    {
        if (!RepositoryName.IsValid(repository))
            throw NoRepository(repository);
        if (RepositoryPath.Problem(revision) is not null)
            throw NoRevision(repository, revision);
        if (_hub is null)
        {
            return Allow(await _local.FindAsync(repository, revision, cancellationToken).ConfigureAwait(false)
                ?? throw (_contents.Has(repository) ? NoRevision(repository, revision) : NoRepository(repository)));
        }
        return Allow(await AskAsync(repository, revision).WaitAsync(cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Branches, tags, conversions and pull requests, in the words of the hub's API.</summary>
    public async Task<JsonObject> GetReferencesAsync(string repository, CancellationToken cancellationToken)
    {
        if (_hub is null)
        {
            if (!_contents.Has(repository))
                throw NoRepository(repository);
            if (await _local.FindAsync(repository, "main", cancellationToken).ConfigureAwait(false) is { } here)
                Allow(here);
            return HubReferences.Of(_local.References(repository));
        }
        await FindAsync(repository, "main", cancellationToken).ConfigureAwait(false); // whether it may be shown at all
        try
        {
            using CancellationTokenSource patience = Patience(_options.Patience);
            JsonObject references = HubReferences.Clean(await _hub.GetReferencesDocumentAsync(repository, patience.Token).WaitAsync(cancellationToken).ConfigureAwait(false));
            Keep(repository, references);
            return references;
        }
        catch (Exception e) when (IsAway(e, cancellationToken) || (e as HubFailure)?.Error.Kind is ErrorKind.RepositoryNotFound or ErrorKind.PrivateRepository)
        {
            return _records.ReferencesOf(repository) is { } kept ? HubReferences.Clean(kept)
                : _contents.Has(repository) ? HubReferences.Of(_local.References(repository)) : throw Told(e);
        }
    }

    /// <summary>A page of upstream's search with the next page's query; null when there is no upstream, or it is away.</summary>
    /// <param name="query">As in an address, with the question mark.</param>
    /// <param name="cancellationToken">Stops the question.</param>
    public async Task<(JsonArray Models, string? Next)?> SearchAsync(string query, CancellationToken cancellationToken)
    {
        if (_hub is null)
            return null;
        try
        {
            using CancellationTokenSource patience = Patience(_options.Patience);
            (JsonArray models, string? next) = await _hub.GetSearchPageAsync(query, patience.Token).WaitAsync(cancellationToken).ConfigureAwait(false);
            if (!_options.ServesRestricted)
                models.RemoveAll(model => model is not JsonObject found || found["private"]?.GetValueKind() == JsonValueKind.True);
            return (models, next);
        }
        catch (Exception e) when (IsAway(e, cancellationToken))
        {
            Remark($"searching here only: {Told(e).Message}");
            return null;
        }
    }

    /// <summary>The content of a file, or null when it is not here and there is nobody to ask.</summary>
    /// <param name="revision">Whose file.</param>
    /// <param name="file">The file.</param>
    /// <param name="fetch">Whether to begin the download of what is not here; else the content is neither file nor download then.</param>
    public FileContent? Open(KnownRevision revision, RepositoryFile file, bool fetch)
    {
        if (_contents.Blob(revision.Repository, file.ETag, file.Bytes) is { } blob)
        {
            // Of another commit until now: gets its name in this one's snapshot as well, or tidying up that other commit would take it away.
            if (fetch && _downloads is not null && !Path.Exists(StoreLayout.File(_layout.Snapshot(revision.Repository, revision.Commit), file.Path)))
                _downloads.Of(revision, file);
            return new FileContent(blob, null);
        }
        if (_contents.Files(revision.Repository, revision.Commit).TryGetValue(file.Path, out ShownFile? shown) && shown.Content.Length == file.Bytes)
            return new FileContent(shown.Content, null);
        return _downloads is null ? null : new FileContent(null, fetch ? _downloads.Of(revision, file) : null);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        if (_downloads is not null)
            await _downloads.DisposeAsync().ConfigureAwait(false);
        _hub?.Dispose();
        _local.Dispose();
    }

    private void Keep(string repository, JsonObject references)
    {
        try
        {
            if (_contents.Has(repository))
                _records.KeepReferences(repository, references);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The answer is here all the same; only when upstream is away will it be missed.
            Remark($"{repository}: its branches were not kept: {e.Message}");
        }
    }

    // One question at a time for each revision, and its answer for all who ask in the meantime; no client that leaves takes it along.
    private Task<KnownRevision> AskAsync(string repository, string revision)
    {
        if (_answers.Count > MostRemembered)
            _answers.Clear();
        while (true)
        {
            Answer answer = _answers.GetOrAdd((repository, revision), _ => new Answer(this, repository, revision));
            if (!answer.IsStale)
                return answer.Revision;
            _answers.TryRemove(KeyValuePair.Create((repository, revision), answer));
        }
    }

    private async Task<KnownRevision> AskUpstreamAsync(string repository, string revision)
    {
        KnownRevision? known = await _local.FindAsync(repository, revision, _stop.Token).ConfigureAwait(false);
        // A commit never changes: with its listing and model info there is nothing left to ask.
        if (known?.Model is not null && revision == known.Commit && _records.Files(repository, known.Commit) is not null)
            return known;
        using CancellationTokenSource patience = Patience(known is null ? LongestPatience : _options.Patience);
        try
        {
            JsonElement model = await _hub!.GetModelDocumentAsync(repository, revision, patience.Token).ConfigureAwait(false);
            string commit = model.GetProperty("sha").GetString()!;
            if (!_options.ServesRestricted && Restriction(model, repository) is { } refusal)
                throw refusal;
            IReadOnlyList<RepositoryFile>? files = _records.Files(repository, commit);
            if (files is null)
            {
                IReadOnlyList<RepositoryFile> offered = await _hub.GetFilesAsync(repository, commit, patience.Token).ConfigureAwait(false);
                files = [.. offered.Where(TreeRecord.IsUsable)];
                if (files.Count < offered.Count)
                    Remark($"{repository}: {offered.Count - files.Count} files left out, whose paths or digests no disk should see");
            }
            _records.Keep(repository, revision, commit, model, files);
            return new KnownRevision(repository, commit, files.ToDictionary(file => file.Path, StringComparer.Ordinal), model);
        }
        catch (Exception e) when (known is not null && IsAway(e, CancellationToken.None))
        {
            Remark($"{repository} at {revision}: {Told(e).Message} Answered with what was last known, {known.Commit[..10]}.");
            return known;
        }
        catch (HubFailure e) when (known is not null && e.Error.Kind is ErrorKind.RepositoryNotFound or ErrorKind.PrivateRepository or ErrorKind.RevisionNotFound)
        {
            return known; // of this store alone, or gone there
        }
        catch (Exception e) when (IsAway(e, CancellationToken.None))
        {
            throw e is HubFailure ? e : Told(e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DiskErrors.WriteError(e, _layout.Root);
        }
    }

    private KnownRevision Allow(KnownRevision revision) => !_options.ServesRestricted && Restriction(revision.Model, revision.Repository) is { } refusal ? throw refusal : revision;

    /// <summary>What to answer when not everybody may have a repository: the mirror's token opened it, not the client's.</summary>
    private static ModelOpsException? Restriction(JsonElement? model, string repository)
    {
        if (model is not { } info)
            return null;
        if (info.TryGetProperty("private", out JsonElement hidden) && hidden.ValueKind == JsonValueKind.True)
            return NoRepository(repository);
        return info.TryGetProperty("gated", out JsonElement gated) && gated.ValueKind is JsonValueKind.True or JsonValueKind.String
            ? new ModelOpsException(ErrorKind.GatedRepository, $"'{repository}' is gated, and this mirror serves everybody.", "Give the mirror a token of its own (MODELOPS_MIRROR_TOKEN), or get the model from the hub itself.")
            : null;
    }

    private CancellationTokenSource Patience(TimeSpan time)
    {
        var patience = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        patience.CancelAfter(time);
        return patience;
    }

    /// <summary>Whether upstream gave no answer, rather than one that is not liked.</summary>
    private static bool IsAway(Exception e, CancellationToken asked) => e switch
    {
        HubFailure failure => failure.Error.Kind is ErrorKind.NetworkFailure or ErrorKind.Offline or ErrorKind.RateLimited,
        ModelOpsException error => error.Kind is ErrorKind.NetworkFailure or ErrorKind.Offline or ErrorKind.RateLimited,
        OperationCanceledException => !asked.IsCancellationRequested,
        _ => false,
    };

    private ModelOpsException Told(Exception e) => e switch
    {
        HubFailure failure => failure.Error,
        ModelOpsException error => error,
        _ => new ModelOpsException(ErrorKind.NetworkFailure, $"{_options.Upstream!.Endpoint.Host} did not answer in time.", "Try again.", e),
    };

    private void Remark(string text) => _options.Remark?.Invoke(text);

    private static ModelOpsException NoRepository(string repository) => new(ErrorKind.RepositoryNotFound, $"There is no repository '{repository}' here.", "Check the spelling.");

    private static ModelOpsException NoRevision(string repository, string revision) => new(ErrorKind.RevisionNotFound, $"'{repository}' has no revision '{revision}' here.");

    /// <summary>An answer of upstream, on its way or there.</summary>
    private sealed class Answer(ReadThroughStore store, string repository, string revision)
    {
        private readonly long _asked = store._time.GetTimestamp();
        private readonly Lazy<Task<KnownRevision>> _task = new(() => Task.Run(() => store.AskUpstreamAsync(repository, revision)));

        public Task<KnownRevision> Revision => _task.Value;

        public bool IsStale => Revision.IsCompleted && (!Revision.IsCompletedSuccessfully
            || (!StoreContents.IsCommit(revision) && store._time.GetElapsedTime(_asked) > store._options.FreshFor));
    }
}
