using System.Text.Json;

namespace ModelOps.Store;

/// <summary>A repository at a commit, as far as it is known.</summary>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Files">Its files by path: all of them when upstream, or a record of it, said so; else those that are here.</param>
/// <param name="Model">Model info as upstream gave it, or null.</param>
internal sealed record KnownRevision(string Repository, string Commit, IReadOnlyDictionary<string, RepositoryFile> Files, JsonElement? Model);

/// <summary>The content of a file: on this disk, or on its way.</summary>
/// <param name="File">Where it is, when it is complete.</param>
/// <param name="Download">The download that brings it, when it is not and was asked for.</param>
internal sealed record FileContent(FileInfo? File, FileDownload? Download);
