using System.Text.RegularExpressions;

namespace ModelOps.Hub;

/// <summary>The environment variables that hub tools share, with their defaults (huggingface_hub's constants.py).</summary>
internal sealed partial class HubEnvironment(Func<string, string?>? read = null)
{
    private readonly Func<string, string?> _read = read ?? Environment.GetEnvironmentVariable;

    /// <summary>A variable, or null when it is missing or blank.</summary>
    public string? this[string name] => _read(name)?.Trim() is { Length: > 0 } value ? value : null;

    /// <summary>HF_HOME, else $XDG_CACHE_HOME/huggingface, else ~/.cache/huggingface (on Windows too).</summary>
    public string Home => this["HF_HOME"] is { } home
        ? Expand(home)
        : Path.Combine(this["XDG_CACHE_HOME"] is { } cache ? Expand(cache) : Path.Combine(UserHome, ".cache"), "huggingface");

    /// <summary>The cache of repositories: HF_HUB_CACHE, else the older HUGGINGFACE_HUB_CACHE, else <see cref="Home"/>/hub.</summary>
    public string HubCache => (this["HF_HUB_CACHE"] ?? this["HUGGINGFACE_HUB_CACHE"]) is { } cache ? Expand(cache) : Path.Combine(Home, "hub");

    // The older variable counts only where the newer is not set, whatever that says.
    public bool Offline => IsTrue(this["HF_HUB_OFFLINE"] is null ? "TRANSFORMERS_OFFLINE" : "HF_HUB_OFFLINE");

    /// <summary>
    /// The token and where it is from: HF_TOKEN, else HUGGING_FACE_HUB_TOKEN, else the file that a login left at HF_TOKEN_PATH or <see cref="Home"/>/token;
    /// null when there is none, or HF_HUB_DISABLE_IMPLICIT_TOKEN says not to send one unasked.
    /// </summary>
    public (string Token, string Source)? FindToken()
    {
        if (IsTrue("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
            return null;
        foreach (string name in (string[])["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
        {
            if (this[name] is { } token)
                return (token, name);
        }
        string path = this["HF_TOKEN_PATH"] is { } given ? Expand(given) : Path.Combine(Home, "token");
        return ReadTokenFile(path) is { } stored ? (stored, $"the file {path}") : null;
    }

    private string UserHome => this[OperatingSystem.IsWindows() ? "USERPROFILE" : "HOME"] ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);

    /// <summary>A list of folders, as PATH is one.</summary>
    public IReadOnlyList<string> Paths(string name) =>
        [.. (this[name] ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Expand)];

    public bool IsTrue(string name) => this[name]?.ToUpperInvariant() is "1" or "ON" or "YES" or "TRUE";

    private static string? ReadTokenFile(string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            return File.ReadAllText(path).Trim() is { Length: > 0 } token ? token : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.Unauthorized, $"The token file '{path}' cannot be read: {e.Message}", "Set HF_TOKEN, or point HF_TOKEN_PATH at a file you may read.", e);
        }
    }

    private string Expand(string path)
    {
        path = Variable().Replace(path, match => match.Value[0] == '%' && !OperatingSystem.IsWindows() ? match.Value : this[match.Groups["name"].Value] ?? match.Value);
        return ExpandHome(path);
    }

    private string ExpandHome(string path) => path == "~" ? UserHome : path.StartsWith("~/", StringComparison.Ordinal) || path.StartsWith("~\\", StringComparison.Ordinal) ? Path.Combine(UserHome, path[2..]) : path;

    /// <summary>$NAME and ${NAME}, and on Windows %NAME%, as Python's expandvars has them.</summary>
    [GeneratedRegex(@"\$(?<name>[A-Za-z_][A-Za-z0-9_]*)|\$\{(?<name>[^}]+)\}|%(?<name>[^%]+)%")]
    private static partial Regex Variable();
}
