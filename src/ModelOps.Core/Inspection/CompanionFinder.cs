using ModelOps.Conversion;
using ModelOps.Hub;

namespace ModelOps;

/// <summary>Finds what is loaded beside a model, and reads what a fit needs to know of it: from headers, here or on a hub.</summary>
/// <param name="hub">The hub, opened when something is looked for there.</param>
/// <param name="fullPath">The full path of one that a user wrote.</param>
public sealed class CompanionFinder(Func<HubClient> hub, Func<string, string> fullPath)
{
    /// <summary>What stands for the projector that belongs to the model.</summary>
    public const string Auto = "auto";

    /// <summary>A projector.</summary>
    /// <param name="wish">A file of this disk, a file of the model's repository, or <see cref="Auto"/> for the one beside the model: the F16 one, else BF16, else the first.</param>
    /// <param name="modelPath">The model on this disk; null when it is not there.</param>
    /// <param name="remote">The model on the hub; null when it is on this disk.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.InvalidArgument"/> for a file that is no projector, <see cref="ErrorKind.CorruptFile"/>, and what the hub answers.</exception>
    public async Task<ProjectorShape> FindProjectorAsync(string wish, string? modelPath, RemoteShape? remote, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(wish);
        var isAuto = wish.Equals(Auto, StringComparison.OrdinalIgnoreCase);
        if (!isAuto && File.Exists(fullPath(wish)))
            return ProjectorShape.FromGguf(GgufFile.Read(fullPath(wish)));
        if (remote is null)
        {
            return isAuto && modelPath is not null && FindBeside(modelPath) is { } beside
                ? ProjectorShape.FromGguf(GgufFile.Read(beside))
                : throw new ModelOpsException(ErrorKind.FileNotFound, isAuto ? $"There is no projector (mmproj-….gguf) beside '{modelPath}'." : $"There is no file '{wish}'.", "Name the projector's file, or leave it out.");
        }
        var companion = isAuto
            ? ModelVariant.ChooseProjector(remote.Companions)
            : remote.Companions.FirstOrDefault(candidate => candidate.Kind == CompanionKind.Projector && (candidate.File.Path == wish || GgufName.File(candidate.File.Path) == wish));
        if (companion is null)
            throw new ModelOpsException(ErrorKind.FileNotFound, $"'{remote.Repository}' has no vision projector (mmproj){(isAuto ? "" : $" '{wish}'")} for '{remote.Variant}', and there is no such file here.", "Name a projector's file, or leave it out.");
        var variant = new ModelVariant(remote.Repository, remote.Commit, remote.Variant, ModelKind.Gguf, companion.File.Bytes, [companion.File]);
        return ProjectorShape.FromGguf(await RemoteHeaders.ReadAsync(hub(), variant, companion.File, cancellationToken).ConfigureAwait(false), Path.GetFileNameWithoutExtension(companion.File.Path));
    }

    /// <summary>A LoRA adapter in GGUF.</summary>
    /// <param name="wish">A file of this disk, or <c>org/repo[:variant]</c> of the hub.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.InvalidArgument"/> for a file that is no adapter, <see cref="ErrorKind.CorruptFile"/>, and what the hub answers.</exception>
    public async Task<AdapterShape> FindAdapterAsync(string wish, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(wish);
        var path = fullPath(wish);
        if (File.Exists(path))
            return AdapterShape.FromGguf(GgufFile.Read(path));
        if (Directory.Exists(path))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{wish}' is a folder; the engine loads adapters from GGUF files.", "Convert it first (modelops convert), and name the file.");
        if (ModelName.TryParse(wish) is not { } name || wish.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase))
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no file '{wish}'.", "Name a LoRA adapter in GGUF, or a repository of the hub that has one.");
        var variant = await hub().GetVariantAsync(name.Repository, name.Variant, cancellationToken: cancellationToken).ConfigureAwait(false);
        return variant.Kind == ModelKind.Gguf
            ? AdapterShape.FromGguf((await RemoteHeaders.ReadAsync(hub(), variant, cancellationToken).ConfigureAwait(false))[0], name.Repository)
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{name.Repository}' has no adapter in GGUF.", "Install it, convert it, and name the file.");
    }

    private static string? FindBeside(string modelPath)
    {
        var folder = Directory.Exists(modelPath) ? modelPath : Path.GetDirectoryName(Path.GetFullPath(modelPath))!;
        var companions = Directory.EnumerateFiles(folder, "*.gguf").Order(StringComparer.Ordinal)
            .Where(path => GgufName.Companion(Path.GetFileName(path)) == CompanionKind.Projector)
            .Select(path => new ModelCompanion(CompanionKind.Projector, new RepositoryFile(path, 0, null, ""), GgufName.Label(Path.GetFileName(path))));
        return ModelVariant.ChooseProjector([.. companions])?.File.Path;
    }
}
