namespace ModelOps.Hub;

/// <summary>The environment variables that hub tools share, with their defaults (huggingface_hub's constants.py).</summary>
internal sealed class HubEnvironment(Func<string, string?>? read = null)
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

    public bool Offline => IsTrue("HF_HUB_OFFLINE") || IsTrue("TRANSFORMERS_OFFLINE");

    /// <summary>HF_TOKEN, else HUGGING_FACE_HUB_TOKEN, else the file that a login left at HF_TOKEN_PATH or <see cref="Home"/>/token.</summary>
    public string? Token => this["HF_TOKEN"] ?? this["HUGGING_FACE_HUB_TOKEN"] ?? ReadTokenFile(this["HF_TOKEN_PATH"] is { } path ? Expand(path) : Path.Combine(Home, "token"));

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

    private string Expand(string path) => path == "~" ? UserHome : path.StartsWith("~/", StringComparison.Ordinal) || path.StartsWith("~\\", StringComparison.Ordinal) ? Path.Combine(UserHome, path[2..]) : path;
}
