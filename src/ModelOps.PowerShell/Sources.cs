using System.Management.Automation;
using DriveNotFoundException = System.Management.Automation.DriveNotFoundException;

namespace ModelOps.PowerShell;

/// <summary>Turns what users type into what the core takes: paths of the session, models, hubs, stores.</summary>
internal static class Sources
{
    public static HubClient OpenHub(Uri? endpoint, Action<HubNotice>? notify = null)
    {
        var options = HubOptions.FromEnvironment() with { Notify = notify };
        return new HubClient(endpoint is null ? options : options.WithEndpoint(endpoint));
    }

    /// <summary>A store in a folder of the session, or where the environment says. Relative paths start where the session is.</summary>
    public static ModelStore OpenStore(this PSCmdlet cmdlet, string? directory)
        => OpenStore(directory is null ? null : cmdlet.ToFileSystemPath(directory), cmdlet.SessionState.Path.CurrentFileSystemLocation.ProviderPath);

    /// <summary>A store in <paramref name="directory"/>, a path of the file system, or where the environment says.</summary>
    public static ModelStore OpenStore(string? directory, string? workingDirectory = null)
    {
        var options = StoreOptions.FromEnvironment();
        return new ModelStore(options with { Directory = directory ?? options.Directory, WorkingDirectory = workingDirectory });
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

    /// <summary>MODEL as the store takes it: the path of the session when there is something, else the name of an installed model (<c>org/repo[:variant]</c>).</summary>
    public static string PathOrName(this PSCmdlet cmdlet, string model)
    {
        var isName = ModelName.TryParse(model) is not null;
        try
        {
            var path = cmdlet.ToFileSystemPath(model);
            return Path.Exists(path) || !isName ? path : model;
        }
        catch (ModelOpsException) when (isName)
        {
            // `org/repo:variant` reads as a path of a drive that does not exist.
            return model;
        }
    }
}
