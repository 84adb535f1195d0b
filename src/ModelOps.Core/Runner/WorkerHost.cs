namespace ModelOps;

/// <summary>The child's side of <see cref="WorkerRunner"/>: serves an <see cref="InProcessRunner"/> over a local pipe, JSON lines, until the pipe closes.</summary>
public static class WorkerHost
{
    /// <summary>Connects to the parent's pipe and serves; returns the process exit code.</summary>
    public static int Run(string pipeName) => throw new NotImplementedException();
}
