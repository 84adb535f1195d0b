namespace ModelOps.Hardware;

/// <summary>The folder for what ModelOps has found out and could find out again: small files, which may be deleted at any time.</summary>
internal static class UserCache
{
    /// <summary>
    /// <c>$XDG_CACHE_HOME/modelops</c> or <c>~/.cache/modelops</c>; <c>~/Library/Caches/modelops</c> on macOS, <c>%LOCALAPPDATA%\ModelOps\Cache</c> on Windows.
    /// Null for a user without a home. The folder need not exist.
    /// </summary>
    public static string? Directory(Func<string, string?> environment)
    {
        if (environment("XDG_CACHE_HOME") is { Length: > 0 } cache && Path.IsPathFullyQualified(cache))
        {
            return Path.Combine(cache, "modelops");
        }
        if (OperatingSystem.IsWindows())
        {
            return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData) is { Length: > 0 } local ? Path.Combine(local, "ModelOps", "Cache") : null;
        }
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        return home.Length == 0 ? null : OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Caches", "modelops") : Path.Combine(home, ".cache", "modelops");
    }
}
