namespace ModelOps.Hardware;

/// <summary>How many threads the engine is given where nobody says.</summary>
internal static class ThreadCount
{
    private const long BytesWorthAThread = 8 << 20;

    /// <summary>
    /// One a physical core, but no more than there is work for. The engine's threads meet after every operation of the graph and spin until the last is there;
    /// with a model of a few MB that costs what a second thread brings, and where a thread has to wait for its turn on the processor it costs everything: the 2 MB
    /// demo model on 2 cores makes 2200 tokens/s with one thread and 1800 with two; beside two busy processes 300 to 2400 with one thread and 1 to 2 with two.
    /// </summary>
    public static int For(long modelBytes, int physicalCores) => (int)Math.Clamp(modelBytes / BytesWorthAThread, 1, Math.Max(1, physicalCores));
}
