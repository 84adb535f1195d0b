using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary>What the commands that bring models in and out say alike.</summary>
internal static class Transfers
{
    public static string Describe(TransferProgress progress)
    {
        var percent = progress.TotalBytes == 0 ? 100 : 100 * progress.BytesDone / progress.TotalBytes;
        var left = progress.Remaining is { } remaining && progress.BytesDone < progress.TotalBytes ? $"  {Sizes.Duration(remaining)} left" : "";
        var file = progress.IsElsewhere ? $"another process fetches {progress.File}" : progress.File;
        return $"{percent,3} %  {Sizes.Bytes(progress.BytesDone)} of {Sizes.Bytes(progress.TotalBytes)}  {Sizes.Bytes((long)progress.BytesPerSecond)}/s{left}  {file}";
    }

    public static void Render(Report report, IReadOnlyList<InstalledModel> models)
    {
        foreach (var model in models)
        {
            Render(report, model);
        }
    }

    public static void Render(Report report, InstalledModel model) => Render(report, $"{model.Repository}:{model.Variant}", model.Commit, model.Bytes, model.Files.Count, model.Path);

    public static void Render(Report report, SavedModel model) => Render(report, $"{model.Repository}:{model.Variant}", model.Commit, model.Bytes, model.Files.Count, model.Path);

    private static void Render(Report report, string model, string commit, long bytes, int files, string path) => report.Pairs(
        ("model", model),
        ("commit", commit),
        ("size", $"{Sizes.Bytes(bytes)} in {files} {(files == 1 ? "file" : "files")}"),
        ("path", path));
}
