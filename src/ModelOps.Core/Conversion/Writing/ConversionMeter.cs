namespace ModelOps.Conversion;

/// <summary>Adds up what several workers have written, and reports it in order.</summary>
internal sealed class ConversionMeter(ConversionPlan plan, IProgress<ConversionProgress>? progress)
{
    private readonly Lock _lock = new();
    private readonly long _total = plan.Tensors.Sum(tensor => tensor.Bytes);
    private long _done;

    public void Add(PlannedTensor tensor, long bytes)
    {
        lock (_lock)
        {
            _done += bytes;
            // To the last weight it is the size of the output: headers and padding are never waited for.
            progress?.Report(new ConversionProgress(tensor.Name, _done == _total ? plan.Bytes : _done, plan.Bytes));
        }
    }
}
