using System.Runtime.InteropServices;

namespace ModelOps.Engine;

/// <summary>Why a build with a GPU backend shows no GPU: the engine passes over what cannot start without a word, and computes on the CPU.</summary>
internal static class MissingGpu
{
    /// <summary>The reason as a sentence for people; null when a GPU is there, or the build brings no backend for any.</summary>
    public static string? Explain(string directory, GgmlDevices devices)
    {
        if (devices.HasGpu)
        {
            return null;
        }
        string[] reasons = [.. LlamaLibrary.GpuLibraries(directory).Where(library => Path.GetFileName(library.Path).Contains("ggml-", StringComparison.Ordinal)).Select(library => $"{library.Backend}: {Reason(library.Path)}")];
        return reasons.Length == 0 ? null : $"No GPU can be used, so models run on the CPU. {string.Join("; ", reasons)}.";
    }

    private static string Reason(string path)
    {
        try
        {
            // A backend that did start is loaded already, and this only counts it once more.
            NativeLibrary.Free(NativeLibrary.Load(path));
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            return $"{Missing(exception.Message)} (a GPU's driver brings what Vulkan needs; CUDA's runtime libraries are of version 13 for the runtime cuda, 12 for cuda12)";
        }
        string complaints = EngineLog.Complaints().ReplaceLineEndings(" ").Trim();
        return complaints.Length == 0 ? "its driver shows no GPU" : complaints.TrimEnd('.');
    }

    // .NET lists every path that it tried; what the system's loader says of the one that is there names the library that is wanting.
    private static string Missing(string message)
        => message.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) is { Length: > 0 } lines
            ? (lines.FirstOrDefault(line => line.Contains("cannot open shared object", StringComparison.Ordinal) || line.Contains("Library not loaded", StringComparison.Ordinal)) ?? lines[^1]).TrimEnd('.')
            : message;
}
