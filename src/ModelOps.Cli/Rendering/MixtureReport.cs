namespace ModelOps.Cli.Rendering;

/// <summary>How a mixture of types was chosen, for people.</summary>
internal static class MixtureReport
{
    public static void Render(Report report, Mixture mixture)
    {
        report.Line();
        report.Pairs(
            ("target", mixture.Target),
            ("sensitivity", mixture.Sensitivity),
            ("expected loss", $"{Loss(mixture.ExpectedLoss)}; no mixture within the target has less than {Loss(mixture.LossBound)}"),
            ("nearest recipe", $"{mixture.Nearest.Type}: {Sizes.Bytes(mixture.Nearest.Bytes)}, expected loss {Loss(mixture.Nearest.ExpectedLoss)}"));
        report.Line();
        report.Table([new("Tensor", Wrap: true), new("Type"), new("Size", Right: true), new("Gain", Right: true), new("Error", Right: true), new("Loss", Right: true)],
            mixture.Tensors.Select(tensor => new[] { tensor.Name, tensor.Type.ToString(), Sizes.Bytes(tensor.Bytes), Loss(tensor.Gain), Loss(tensor.Error), Loss(tensor.Loss) }));
    }

    private static string Loss(double loss) => Sizes.Number(loss, loss is 0 or >= 1e-4 ? "0.####" : "0.0e-0");
}
