namespace ModelOps.Transfer;

/// <summary>What all files of one download share.</summary>
/// <param name="Gate">How many requests run at once.</param>
/// <param name="Limit">Bytes a second, or null for as many as come.</param>
/// <param name="Meter">How far it is.</param>
/// <param name="Notices">What people hear of waits.</param>
/// <param name="Time">Clock for the waits.</param>
/// <param name="Options">Knobs.</param>
internal sealed record TransferSession(ConnectionGate Gate, BandwidthLimit? Limit, TransferMeter Meter, QuietNotices Notices, TimeProvider Time, TransferOptions Options)
{
    public static TransferSession Start(TransferOptions options, long totalBytes, IProgress<TransferProgress>? progress, HubOptions hub) => new(
        new ConnectionGate(options.MostConnections, hub.Time),
        options.MaximumBytesPerSecond is { } rate ? new BandwidthLimit(rate, hub.Time) : null,
        new TransferMeter(progress, totalBytes, options.ReportEvery, hub.Time),
        new QuietNotices(hub.Notify, hub.Time),
        hub.Time,
        options);
}
