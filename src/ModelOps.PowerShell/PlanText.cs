using System.Globalization;
using System.Text;

namespace ModelOps.PowerShell;

/// <summary>Plans and reports in words: what -WhatIf prints and what progress bars say.</summary>
internal static partial class PlanText
{
    public static string Describe(DownloadPlan plan)
    {
        var text = new StringBuilder();
        text.Append($"Install {plan.Repository}{(plan.Variant is null ? "" : " " + plan.Variant)}, commit {Short(plan.Commit)}, to {plan.Directory}: ");
        text.Append($"{ByteSize.Format(plan.BytesToFetch)} to fetch of {ByteSize.Format(plan.Bytes)}, {ByteSize.Format(plan.DiskFreeBytes)} free on the disk");
        var width = plan.Files.Count == 0 ? 0 : plan.Files.Max(file => file.Path.Length);
        foreach (var file in plan.Files)
        {
            text.AppendLine().Append($"  {file.Path.PadRight(width)}  {ByteSize.Format(file.Bytes),10}");
            if (file.CopyFrom is not null)
            {
                text.Append($"  copied from {file.CopyFrom}");
            }
            else if (file.PresentBytes > 0)
            {
                text.Append(file.PresentBytes >= file.Bytes ? "  already here" : $"  {ByteSize.Format(file.PresentBytes)} already here");
            }
        }
        return text.ToString();
    }

    public static string Describe(RepairPlan plan)
    {
        var text = new StringBuilder();
        text.Append($"Repair {plan.Repository} {plan.Variant}, commit {Short(plan.Commit)}: {ByteSize.Format(plan.BytesToFetch)} to fetch");
        foreach (var file in plan.Files)
        {
            text.AppendLine().Append($"  {file.Path}  {file.State}, {ByteSize.Format(file.BytesToFetch)} of {ByteSize.Format(file.Bytes)}");
        }
        return text.ToString();
    }

    public static string Describe(SensitivityRequest request, string? output)
        => $"Measure the sensitivity of {request.Source} on at most {request.MostTokens} tokens of {request.TextName ?? "the text"} for each tensor, with the model in BF16 in {request.WorkFolder ?? System.IO.Path.GetTempPath()}"
            + (output is null ? "" : $"; write {output}{(File.Exists(output) ? ", which is there already" : "")}");

    public static string Describe(RemovalPlan plan, string title)
    {
        var text = new StringBuilder();
        text.Append($"{title}: {plan.Items.Count} items, frees {ByteSize.Format(plan.Bytes)}");
        foreach (var item in plan.Items)
        {
            text.AppendLine().Append($"  {ByteSize.Format(item.Bytes),10}  {System.IO.Path.GetRelativePath(plan.Store, item.Path)}  ({item.Reason})");
        }
        return text.ToString();
    }

    public static string Describe(ConversionPlan plan)
    {
        var text = new StringBuilder();
        text.Append($"Convert {plan.Source} ({plan.Architecture}) to {plan.Output}{(plan.Files.Count == 1 ? "" : $" and {plan.Files.Count - 1} more files")} as {plan.Recipe}: {ByteSize.Format(plan.Bytes)}, {plan.Tensors.Count} tensors");
        text.Append(plan.DownloadBytes == 0 ? "" : $", {ByteSize.Format(plan.DownloadBytes)} of weights to download without storing them");
        foreach (var type in plan.Tensors.GroupBy(tensor => tensor.Type).OrderByDescending(type => type.Sum(tensor => tensor.Bytes)))
        {
            text.AppendLine().Append($"  {type.Key,-6} {type.Count(),5} tensors  {ByteSize.Format(type.Sum(tensor => tensor.Bytes)),10}");
            foreach (var lattice in type.Where(tensor => tensor.Lattice).GroupBy(tensor => tensor.LatticeKind))
                text.Append($"  {lattice.Count()} on a quantization lattice ({lattice.Key}), which is kept");
        }
        foreach (var group in plan.Fallbacks.GroupBy(fallback => (fallback.RowLength, fallback.Wanted, fallback.Type)))
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  {group.Count()} tensors with rows of {group.Key.RowLength}, such as {group.First().Name}: {group.Key.Type} for {group.Key.Wanted}, {group.First().ExtraBitsPerWeight:+0.00;-0.00} bits a weight, {ByteSize.Format(group.Sum(fallback => fallback.ExtraBytes))} more");
        }
        if (plan.Fallbacks.Count > 0)
        {
            text.AppendLine().Append($"  {plan.Fallbacks.Count} tensors do not fit the blocks of the types that were wanted: {ByteSize.Format(plan.FallbackBytes)} more in all");
        }
        if (plan.Mixture is { } mixture)
        {
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  Chosen for {mixture.Target}; sensitivity {mixture.Sensitivity}.");
            text.AppendLine().Append(CultureInfo.InvariantCulture, $"  Expected loss {mixture.ExpectedLoss:0.0e-0}, of {mixture.Nearest.Type} ({ByteSize.Format(mixture.Nearest.Bytes)}) {mixture.Nearest.ExpectedLoss:0.0e-0}.");
        }
        foreach (var note in plan.Notes)
        {
            text.AppendLine().Append($"  {Recommendation.InCmdlets(note)}");
        }
        return text.ToString();
    }

    public static string Describe(ExportPlan plan)
    {
        var text = new StringBuilder();
        text.Append($"Export {plan.Source} ({plan.Architecture}) to {plan.Output} for {ExportFormats.NameOf(plan.Format)}: {ByteSize.Format(plan.Bytes)}, {plan.Files.Count} files, numbers in {plan.NumberType}");
        foreach (var kind in plan.Tensors.GroupBy(tensor => (tensor.Treatment, tensor.Scheme)).OrderByDescending(kind => kind.Sum(tensor => tensor.Bytes)))
        {
            var treatment = kind.Key.Treatment switch { ExportTreatment.Lattice => "lattice kept: ", ExportTreatment.Rounded => "rounded: ", _ => "numbers" };
            text.AppendLine().Append($"  {kind.Count(),5} tensors  {ByteSize.Format(kind.Sum(tensor => tensor.Bytes)),10}  {treatment}{kind.Key.Scheme}");
        }
        foreach (var note in plan.Notes)
        {
            text.AppendLine().Append($"  {Recommendation.InCmdlets(note)}");
        }
        return text.ToString();
    }

    public static ProgressStep Step(TransferProgress report) => new(
        $"{(report.IsElsewhere ? "Another process fetches " : "")}{report.File}: {ByteSize.Format(report.BytesDone)} of {ByteSize.Format(report.TotalBytes)}, {ByteSize.Format((long)report.BytesPerSecond)}/s",
        report.TotalBytes == 0 ? null : (double)report.BytesDone / report.TotalBytes,
        report.Remaining);

    public static ProgressStep Step(VerificationProgress report) => new(
        $"{report.File}: {ByteSize.Format(report.BytesDone)} of {ByteSize.Format(report.TotalBytes)}",
        report.TotalBytes == 0 ? null : (double)report.BytesDone / report.TotalBytes);

    public static ProgressStep Step(ConversionProgress report) => new(
        $"{report.Tensor}: {ByteSize.Format(report.BytesWritten)} of {ByteSize.Format(report.TotalBytes)}",
        report.TotalBytes == 0 ? null : (double)report.BytesWritten / report.TotalBytes);

    public static ProgressStep Step(ExportProgress report) => new(
        $"{report.Tensor}: {ByteSize.Format(report.BytesWritten)} of {ByteSize.Format(report.TotalBytes)}",
        report.TotalBytes == 0 ? null : (double)report.BytesWritten / report.TotalBytes);

    public static ProgressStep Step(MeasureProgress report) => new(
        $"{report.TokensDone} of {report.TotalTokens} tokens",
        report.TotalTokens == 0 ? null : (double)report.TokensDone / report.TotalTokens);

    public static ProgressStep Step(SpeedProgress report) => new(report.Step, (double)report.StepsDone / Math.Max(1, report.TotalSteps));

    public static ProgressStep Step(SensitivityProgress report) => new($"{report.StepsDone} of {report.TotalSteps}: {report.Step}", (double)report.StepsDone / report.TotalSteps);

    private static string Short(string commit) => commit.Length > 10 ? commit[..10] : commit;
}
