using System.Globalization;

namespace ModelOps.Cli.Rendering;

/// <summary>The engine's answer beside the formulas', as a person reads it.</summary>
internal static class ExactReport
{
    public static void Write(Report report, ExactFit exact)
    {
        if (exact.Failure is { } failure)
        {
            report.Failure($"No exact answer: {failure.Message}");
            report.Line();
            return;
        }
        report.Table(
            [new(exact.Engine ?? "", Wrap: true), new("Part"), new("Formula", Right: true), new("Engine", Right: true), new("Difference", Right: true), new("", Right: true)],
            exact.Parts.Select(part => Row(part.Device, Title(part.Part), part.FormulaBytes, part.EngineBytes, part.DifferenceBytes)).Append(Row("all", "", exact.FormulaBytes, exact.EngineBytes, exact.DifferenceBytes)));
        report.Line();
    }

    private static IReadOnlyList<string> Row(string device, string part, long formula, long engine, long difference)
        => [device, part, Sizes.Bytes(formula), Sizes.Bytes(engine), (difference < 0 ? "-" : "") + Sizes.Bytes(Math.Abs(difference)), engine > 0 ? $"{(100.0 * difference / engine).ToString("0.00", CultureInfo.InvariantCulture)} %" : ""];

    private static string Title(EnginePart part) => part switch
    {
        EnginePart.Weights => "weights",
        EnginePart.KvCache => "KV cache",
        EnginePart.State => "state",
        EnginePart.Compute => "compute",
        _ => "output",
    };
}
