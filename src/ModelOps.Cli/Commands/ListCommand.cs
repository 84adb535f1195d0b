using System.CommandLine;
using System.Globalization;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops list</c></summary>
internal static class ListCommand
{
    public static Command Create(CliHost host) => new Command("list", "List the installed models.").Does(host, (context, _, _) => Task.FromResult(Run(context)));

    private static int Run(CommandContext context)
    {
        var store = context.OpenStore();
        var models = store.GetModels();
        var listing = new StoreListing(store.Options.Directory, models.Sum(model => model.Bytes), models);
        context.Output.Write(listing, CliJson.Default.StoreListing, report => Render(report, listing));
        if (models.Count == 0)
        {
            context.Output.Note($"Nothing is installed in {listing.Store}.");
        }
        return 0;
    }

    private static void Render(Report report, StoreListing listing)
    {
        if (listing.Models.Count == 0)
        {
            return;
        }
        report.Table([new("Model", Wrap: true), new("Kind"), new("Size", Right: true), new("Last used"), new("Commit")],
            listing.Models.Select(model => new[]
            {
                $"{model.Repository}:{model.Variant}",
                model.Kind == ModelKind.Gguf ? "GGUF" : "checkpoint",
                Sizes.Bytes(model.Bytes),
                model.LastUsed.ToLocalTime().ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture),
                model.Commit[..Math.Min(8, model.Commit.Length)],
            }));
    }
}
