using ModelOps.Conversion;

namespace ModelOps;

/// <summary>Tells a folder with a PEFT adapter from a checkpoint, and which model the adapter belongs to.</summary>
public static class AdapterFolder
{
    /// <summary>Whether a folder holds an adapter: adapter_config.json, and no model beside it.</summary>
    public static bool IsOne(string folder)
        => File.Exists(Path.Combine(folder, AdapterConfig.FileName)) && !Directory.EnumerateFiles(folder, "model*.safetensors").Any();

    /// <summary>The base model as the adapter's maker called it: a repository, or a path; null when the adapter does not say.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.UnsupportedType"/>.</exception>
    public static string? FindBase(string folder) => AdapterConfig.Read(folder).Base;
}
