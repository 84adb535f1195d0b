using System.Text.Json;
using ModelOps.Quantization;

namespace ModelOps;

/// <summary>
/// How much a model suffers where a tensor is rounded, measured one tensor at a time: what <c>modelops sensitivity</c> writes, and what a mixture
/// of types under a budget is chosen by.
/// </summary>
public sealed record SensitivityTable
{
    /// <summary>The version of the format that this reads and writes.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Longer than the table of any model.</summary>
    private const long MostBytes = 64 << 20;

    /// <summary>Version of the format.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>The model, as it was named.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the text that it was measured on; null when it was given without one.</summary>
    public string? Text { get; init; }

    /// <summary>Tokens that were scored for each tensor.</summary>
    public required long Tokens { get; init; }

    /// <summary>Name of the importance matrix by which weights were rounded and errors weighted; null for none.</summary>
    public string? ImportanceMatrix { get; init; }

    /// <summary>The tensors that a recipe can round.</summary>
    public required IReadOnlyList<TensorSensitivity> Tensors { get; init; }

    /// <summary>Reads a file that <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>; <see cref="ErrorKind.InvalidArgument"/> for what is no such table.</exception>
    public static SensitivityTable Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no sensitivity table {path}.", "Measure one with 'modelops sensitivity'.");
        try
        {
            if (new FileInfo(path).Length > MostBytes)
                throw NoTable(path, "it is too long");
            var table = JsonSerializer.Deserialize(File.ReadAllBytes(path), SensitivityJson.Default.SensitivityTable) ?? throw NoTable(path, "it is empty");
            if (table.Version != CurrentVersion)
                throw NoTable(path, $"its version is {table.Version}, and this program reads {CurrentVersion}");
            if (table.Tensors is not { Count: > 0 } tensors || tensors.Any(tensor => tensor is null or { Name: null } || !double.IsFinite(tensor.Gain) || tensor.Gain < 0))
                throw NoTable(path, "it has no tensors, or numbers that cannot be");
            return table;
        }
        catch (JsonException exception)
        {
            throw NoTable(path, exception.Message, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"{path} cannot be read: {exception.Message}", innerException: exception);
        }
    }

    /// <summary>The text of a file.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, SensitivityJson.Default.SensitivityTable) + "\n";

    /// <summary>Refuses a path that <see cref="Write"/> could not write to, before hours of measuring are spent for it.</summary>
    /// <param name="path">The file to be.</param>
    /// <param name="overwrite">Whether it may replace one that is there.</param>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InvalidArgument"/> for a folder and for a file that may not be replaced; <see cref="ErrorKind.FileNotFound"/> when the file's folder is not there.
    /// </exception>
    public static void RequirePlace(string path, bool overwrite)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{path} is a folder.", "Give the path of the file to be written.");
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder && !Directory.Exists(folder))
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no folder {folder} to write to.", "Create it first.");
        if (!overwrite && File.Exists(path))
            throw Taken(path, null);
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="overwrite">Whether it may replace one that is there.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> for a file that may not be replaced; <see cref="ErrorKind.Failure"/> when it cannot be written.</exception>
    public void Write(string path, bool overwrite)
    {
        var partial = $"{path}.{Guid.NewGuid():n}.partial";
        try
        {
            File.WriteAllText(partial, ToJson());
            File.Move(partial, path, overwrite);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            File.Delete(partial);
            throw !overwrite && File.Exists(path) ? Taken(path, exception) : new ModelOpsException(ErrorKind.Failure, $"{path} cannot be written: {exception.Message}", innerException: exception);
        }
    }

    private static ModelOpsException Taken(string path, Exception? inner)
        => new(ErrorKind.InvalidArgument, $"'{path}' is there already.", "Choose another name, or replace it with --force.", inner);

    private static ModelOpsException NoTable(string path, string why, Exception? inner = null)
        => new(ErrorKind.InvalidArgument, $"{path} is no sensitivity table: {why}.", "Give a file that 'modelops sensitivity' has written.", inner);
}

/// <summary>How much a model suffers where a tensor is rounded.</summary>
/// <param name="Name">Name in the GGUF.</param>
/// <param name="Gain">
/// Nats of KL divergence for a relative squared error of 1 (‖W − Q‖² / ‖W‖², columns weighted by the importance matrix where there is one), taken as
/// proportional: the linearity of arXiv 2411.17525. <paramref name="Kld"/> / <paramref name="Error"/>.
/// </param>
/// <param name="Kld">KL divergence, in nats a token, of the model in which this tensor alone is rounded.</param>
/// <param name="Error">The relative squared error that it was rounded with.</param>
/// <param name="Type">The type that it was rounded to.</param>
public sealed record TensorSensitivity(string Name, double Gain, double Kld, double Error, GgmlType Type);
