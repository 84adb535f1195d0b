using System.Text;

namespace ModelOps.PowerShell;

/// <summary>The plans of models that come and go without a hub, in words.</summary>
internal static partial class PlanText
{
    public static string Describe(SavePlan plan)
    {
        var text = new StringBuilder();
        text.Append($"Save {plan.Repository} {plan.Variant}, commit {Short(plan.Commit)}, to {plan.Directory}: ");
        text.Append($"{ByteSize.Format(plan.BytesToCopy)} from the store, {ByteSize.Format(plan.BytesToFetch)} to fetch, {ByteSize.Format(plan.DiskFreeBytes)} free on the disk");
        return Files(text, plan.Files.Select(file => (file.Path, file.Bytes,
            file.Replaces ? "replaces another file" : file.PresentBytes == file.Bytes ? "already here" : file.Source is not null ? "from the store" : file.PresentBytes > 0 ? $"{ByteSize.Format(file.PresentBytes)} already here" : "")));
    }

    public static string Describe(ImportPlan plan)
    {
        var text = new StringBuilder();
        text.Append($"Import {plan.Source} as {plan.Repository} ({string.Join(", ", plan.Variants)}), commit {Short(plan.Commit)}, to {plan.Directory}: ");
        text.Append($"{ByteSize.Format(plan.BytesToStore)} to {(plan.Move ? "move" : "copy")} of {ByteSize.Format(plan.Bytes)}, {ByteSize.Format(plan.DiskFreeBytes)} free on the disk");
        if (plan.LeftOut.Count > 0)
        {
            text.Append($"; left out: {string.Join(", ", plan.LeftOut)}");
        }
        return Files(text, plan.Files.Select(file => (file.Path, file.Bytes, file.IsPresent ? "already here" : "")));
    }

    public static string Describe(BundlePlan plan)
    {
        var text = new StringBuilder();
        text.Append($"Write {plan.Output}{(plan.Replaces ? " over the bundle that is there" : "")}: {ByteSize.Format(plan.Bytes)}, {ByteSize.Format(plan.DiskFreeBytes)} free on the disk");
        return Files(text, plan.Models.Select(model => ($"{model.Repository}:{model.Variant}", model.Bytes, $"commit {Short(model.Commit)}")));
    }

    public static string Describe(BundleInstallPlan plan)
    {
        var text = new StringBuilder();
        text.Append($"Install from {plan.Bundle}: {ByteSize.Format(plan.BytesToStore)} to store of {ByteSize.Format(plan.Bytes)}, {ByteSize.Format(plan.DiskFreeBytes)} free on the disk");
        return Files(text, plan.Models.SelectMany(model => model.Files.Select(file => ($"{model.Repository}:{model.Variant} {file.Path}", file.Bytes, file.PresentBytes == file.Bytes ? "already here" : ""))));
    }

    private static string Files(StringBuilder text, IEnumerable<(string Path, long Bytes, string Remark)> files)
    {
        var all = files.ToList();
        var width = all.Count == 0 ? 0 : all.Max(file => file.Path.Length);
        foreach (var (path, bytes, remark) in all)
        {
            text.AppendLine().Append($"  {path.PadRight(width)}  {ByteSize.Format(bytes),10}{(remark.Length == 0 ? "" : "  " + remark)}");
        }
        return text.ToString();
    }
}
