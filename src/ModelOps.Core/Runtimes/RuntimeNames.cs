using System.Runtime.InteropServices;

namespace ModelOps.Runtimes;

/// <summary>Names of backends and platforms, as people and npm's packages spell them.</summary>
internal static class RuntimeNames
{
    /// <summary>Stands for the choice by hardware.</summary>
    public const string Automatic = "auto";

    /// <summary>System and processor as the packages spell them.</summary>
    public static string Platform { get; } = $"{(OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "mac" : "linux")}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    public static string Of(RuntimeBackend backend) => backend.ToString().ToLowerInvariant();

    public static string Title(RuntimeBackend backend) => backend switch
    {
        RuntimeBackend.Cpu => "CPU",
        RuntimeBackend.Cuda => "CUDA 13",
        RuntimeBackend.Cuda12 => "CUDA 12",
        _ => backend.ToString(),
    };

    /// <summary>A backend by name; null for <see cref="Automatic"/>.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static RuntimeBackend? Parse(string name, string source)
        => name.Equals(Automatic, StringComparison.OrdinalIgnoreCase) ? null
            : Enum.GetValues<RuntimeBackend>().Where(backend => name.Equals(Of(backend), StringComparison.OrdinalIgnoreCase)).Select(backend => (RuntimeBackend?)backend).FirstOrDefault()
                ?? throw new ModelOpsException(ErrorKind.InvalidArgument, $"{source} names the runtime '{name}', which does not exist.",
                    $"It is one of {string.Join(", ", Enum.GetValues<RuntimeBackend>().Select(Of))}, or {Automatic}.");
}
