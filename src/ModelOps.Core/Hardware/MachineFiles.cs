using System.IO.Enumeration;
using ModelOps.Hardware;

namespace ModelOps;

/// <summary>A machine of a fleet, or why there is none.</summary>
/// <param name="Source">The file or the reference that was named.</param>
/// <param name="Machine">The machine; null when it could not be read.</param>
/// <param name="Error">Why not; null when it could.</param>
public sealed record MachineEntry(string Source, Machine? Machine, ModelOpsException? Error);

/// <summary>Machines by what people name them: a JSON file, a pattern for many files, <c>ref:</c> and the name or pattern of <see cref="ReferenceMachines"/>.</summary>
public static class MachineFiles
{
    private const long MostFileBytes = 64 << 20;

    /// <summary>
    /// The machines that a text names, in the order of the files' names; those that cannot be read as entries with an error, so that the others can be answered for.
    /// </summary>
    /// <param name="source">A file, a pattern with <c>*</c> and <c>?</c> in its last part, or <c>ref:NAME</c>.</param>
    /// <param name="workingDirectory">Folder that a relative path begins at.</param>
    public static IReadOnlyList<MachineEntry> Find(string source, string workingDirectory)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        try
        {
            if (source.StartsWith(ReferenceMachines.Prefix, StringComparison.OrdinalIgnoreCase))
            {
                return [.. ReferenceMachines.Find(source).Select(machine => new MachineEntry(ReferenceMachines.Prefix + machine.Name, machine, null))];
            }
            var path = Path.GetFullPath(source, workingDirectory);
            var name = Path.GetFileName(path);
            // A file may have a star in its name.
            return name.AsSpan().ContainsAny('*', '?') && !File.Exists(path) ? [.. Matching(source, Path.GetDirectoryName(path)!, name).SelectMany(Read)] : Read(path);
        }
        catch (ModelOpsException exception)
        {
            return [new MachineEntry(source, null, exception)];
        }
    }

    /// <summary>The machine or the machines of one file.</summary>
    public static IReadOnlyList<MachineEntry> Read(string path)
    {
        try
        {
            return Parse(ReadText(path), path);
        }
        catch (ModelOpsException exception)
        {
            return [new MachineEntry(path, null, exception)];
        }
    }

    /// <summary>The machine or the machines of a JSON text.</summary>
    public static IReadOnlyList<MachineEntry> Parse(string json, string source)
    {
        try
        {
            return [.. MachineReader.Read(json, source).Select(machine => new MachineEntry(source, machine, null))];
        }
        catch (ModelOpsException exception)
        {
            return [new MachineEntry(source, null, exception)];
        }
    }

    private static IEnumerable<string> Matching(string source, string folder, string pattern)
    {
        try
        {
            string[] files = Directory.Exists(folder)
                ? [.. Directory.EnumerateFiles(folder).Where(path => FileSystemName.MatchesSimpleExpression(pattern, Path.GetFileName(path))).Order(StringComparer.Ordinal)]
                : [];
            return files.Length > 0 ? files : throw new ModelOpsException(ErrorKind.FileNotFound, $"No file matches '{source}'.", "Quote the pattern where the shell would expand it, and check the folder.");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"'{folder}' cannot be read: {exception.Message}", "Check its permissions.", exception);
        }
    }

    // A device or a pipe has no length, and some have no end.
    private static string ReadAtMost(string path)
    {
        using var file = File.OpenRead(path);
        using var read = new MemoryStream();
        var buffer = new byte[1 << 16];
        for (int length; (length = file.Read(buffer)) > 0;)
        {
            if (read.Length + length > MostFileBytes)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{path}' is too large for a file of machines: more than {ByteSize.Format(MostFileBytes)}.", "Have a machine written with modelops hardware --format json, and give that file.");
            }
            read.Write(buffer, 0, length);
        }
        read.Position = 0;
        using var text = new StreamReader(read);
        return text.ReadToEnd();
    }

    private static string ReadText(string path)
    {
        try
        {
            return Directory.Exists(path) ? throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{path}' is a folder, not a file with a machine.", $"Name the files in it by a pattern, in quotes: '{Path.Combine(path, "*.json")}'.")
                : !File.Exists(path) ? throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no file '{path}'.", $"Reference machines are named {ReferenceMachines.Prefix}NAME: modelops hardware --list.")
                : ReadAtMost(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"'{path}' cannot be read: {exception.Message}", "Check its permissions.", exception);
        }
    }
}
