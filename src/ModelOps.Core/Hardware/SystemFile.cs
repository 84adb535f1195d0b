using System.Globalization;

namespace ModelOps.Hardware;

/// <summary>Small files that the kernel makes up.</summary>
internal static class SystemFile
{
    /// <summary>The text, or null when the file is missing or may not be read: both mean that this machine does not tell.</summary>
    public static string? Read(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>A number, decimal or 0x hexadecimal; null when there is none.</summary>
    public static long? ReadNumber(string path)
    {
        var text = Read(path)?.Trim();
        if (text is null)
        {
            return null;
        }
        var isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        return long.TryParse(isHex ? text.AsSpan(2) : text, isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    /// <summary>Folders whose name begins with <paramref name="prefix"/> and goes on with digits only, in order of the number.</summary>
    public static IReadOnlyList<string> Numbered(string folder, string prefix)
    {
        if (!Directory.Exists(folder))
        {
            return [];
        }
        return
        [
            .. Directory.EnumerateFileSystemEntries(folder, prefix + "*")
                .Select(path => (Path: path, Number: Path.GetFileName(path)[prefix.Length..]))
                .Where(entry => entry.Number.Length is > 0 and < 9 && entry.Number.All(char.IsAsciiDigit))
                .OrderBy(entry => int.Parse(entry.Number, CultureInfo.InvariantCulture))
                .Select(entry => entry.Path),
        ];
    }
}
