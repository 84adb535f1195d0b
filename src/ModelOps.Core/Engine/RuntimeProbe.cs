namespace ModelOps;

/// <summary>What a runtime computes on, once its libraries are loaded.</summary>
/// <param name="Devices">The GPUs that it shows, in its order.</param>
/// <param name="Warning">Why there is none although the runtime brings a backend for some; null otherwise.</param>
public sealed record RuntimeProbe(IReadOnlyList<Device> Devices, string? Warning);
