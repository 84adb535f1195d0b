namespace ModelOps;

/// <summary>What a worker process is doing.</summary>
public enum ModelSessionState
{
    /// <summary>Nothing; it ends when it has done so for long enough.</summary>
    Idle,
    /// <summary>A model is being loaded.</summary>
    Loading,
    /// <summary>It answers, or measures.</summary>
    Busy,
}

/// <summary>A worker process that holds a model, or has held one.</summary>
/// <param name="ProcessId">The worker's process id.</param>
/// <param name="Model">The loaded model's file; null when none is loaded.</param>
/// <param name="Parameters">How it is placed; null when none is loaded.</param>
/// <param name="StartedAt">When the process was started.</param>
/// <param name="LoadedAt">When the model was loaded; null when none is.</param>
/// <param name="LastUsedAt">When it last began or ended a job.</param>
/// <param name="MemoryBytes">Main memory that the process holds, weights mapped from the file included.</param>
/// <param name="IdleTimeLeft">Time until it ends by itself; null while it works, and when it is kept for ever.</param>
/// <param name="State">What it is doing.</param>
public sealed record ModelSession(
    int ProcessId, string? Model, EngineParameters? Parameters, DateTimeOffset StartedAt, DateTimeOffset? LoadedAt, DateTimeOffset LastUsedAt, long MemoryBytes, TimeSpan? IdleTimeLeft, ModelSessionState State);
