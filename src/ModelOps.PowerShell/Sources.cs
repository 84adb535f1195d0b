using System.Management.Automation;
using DriveNotFoundException = System.Management.Automation.DriveNotFoundException;

namespace ModelOps.PowerShell;

/// <summary>Turns what users type into what the core takes: paths of the session, models, hubs, stores.</summary>
internal static class Sources
{
    public static HubClient OpenHub(Uri? endpoint)
    {
        var options = HubOptions.FromEnvironment();
        if (endpoint is null)
        {
            return new HubClient(options);
        }
        if (!endpoint.IsAbsoluteUri || endpoint.Scheme is not ("http" or "https"))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{endpoint}' is not the address of a hub.", "Give a whole address, such as https://huggingface.co.");
        }
        // A token belongs to the hub of the environment: it is not sent to another one.
        return new HubClient(options with { Endpoint = endpoint, Token = Uri.Compare(endpoint, options.Endpoint, UriComponents.SchemeAndServer, UriFormat.Unescaped, StringComparison.OrdinalIgnoreCase) == 0 ? options.Token : null });
    }

    /// <summary>A store in a folder of the session, or where the environment says.</summary>
    public static ModelStore OpenStore(this PSCmdlet cmdlet, string? directory) => OpenStore(directory is null ? null : cmdlet.ToFileSystemPath(directory));

    /// <summary>A store in <paramref name="directory"/>, a path of the file system, or where the environment says.</summary>
    public static ModelStore OpenStore(string? directory)
    {
        var options = StoreOptions.FromEnvironment();
        return new ModelStore(directory is null ? options : options with { Directory = directory });
    }

    /// <summary>The file system's path of a literal PowerShell path, relative to the session's location (not to the process's).</summary>
    public static string ToFileSystemPath(this PSCmdlet cmdlet, string path)
    {
        string full;
        ProviderInfo provider;
        try
        {
            full = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out provider, out _);
        }
        catch (Exception e) when (e is DriveNotFoundException or ProviderNotFoundException or PSArgumentException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, e.Message, innerException: e);
        }
        if (provider.Name != "FileSystem")
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{path}' is not a path of the file system.", $"It belongs to the provider {provider.Name}.");
        }
        return full;
    }

    /// <summary>What a wildcard pattern stands for, or the one path itself when it has no wildcard.</summary>
    public static IReadOnlyList<string> ExpandPath(this PSCmdlet cmdlet, string path)
    {
        if (!WildcardPattern.ContainsWildcardCharacters(path))
        {
            return [cmdlet.ToFileSystemPath(path)];
        }
        try
        {
            var found = cmdlet.GetResolvedProviderPathFromPSPath(path, out var provider);
            return provider.Name == "FileSystem"
                ? found
                : throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{path}' is not a path of the file system.", $"It belongs to the provider {provider.Name}.");
        }
        catch (Exception e) when (e is ItemNotFoundException or DriveNotFoundException or ProviderNotFoundException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, e.Message, innerException: e);
        }
    }

    /// <summary>
    /// MODEL: a path of the session when there is something, else an installed model (<c>org/repo[:variant]</c>).
    /// </summary>
    public static ResolvedModel ResolveModel(this PSCmdlet cmdlet, string model, ModelStore store)
    {
        var isName = LooksLikeRepository(model);
        string? path = null;
        try
        {
            path = cmdlet.ToFileSystemPath(model);
        }
        catch (ModelOpsException) when (isName)
        {
            // `org/repo:variant` reads as a path of a drive that does not exist.
        }
        return path is not null && (Path.Exists(path) || !isName) ? store.Resolve(path) : store.Resolve(model);
    }

    /// <summary>MODEL as a file that the engine can load.</summary>
    public static string ResolveGguf(this PSCmdlet cmdlet, string model, ModelStore store)
    {
        var resolved = cmdlet.ResolveModel(model, store);
        return resolved.Kind == ModelKind.Gguf
            ? resolved.Path
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{model}' is a checkpoint; the engine runs GGUF files.", $"Convert it first: Convert-Model '{model}' -Type Q8_0");
    }

    /// <summary>Splits <c>org/repo[:variant]</c>.</summary>
    public static (string Repository, string? Variant) SplitVariant(string repository)
    {
        var colon = repository.IndexOf(':', StringComparison.Ordinal);
        return colon < 0 ? (repository, null) : (repository[..colon], repository[(colon + 1)..]);
    }

    /// <summary>Whether a text has the form <c>org/repo[:variant]</c> and not that of a path.</summary>
    public static bool LooksLikeRepository(string text)
    {
        var name = SplitVariant(text).Repository;
        var slash = name.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && slash < name.Length - 1 && name[0] is not ('.' or '~') && name.IndexOfAny(['/', '\\'], slash + 1) < 0 && !name.Contains('\\', StringComparison.Ordinal);
    }
}
