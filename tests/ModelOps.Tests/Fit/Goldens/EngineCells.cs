using ModelOps.Engine;

namespace ModelOps.Tests.Fit;

/// <summary>Asks the pinned engine for cells: one stub a model, one loading a placement.</summary>
internal static class EngineCells
{
    public static IEnumerable<FitGolden> Ask(IEnumerable<FitCell> cells)
    {
        foreach (var model in cells.GroupBy(cell => cell.Model, StringComparer.Ordinal))
        {
            var layout = SyntheticModels.Header(model.Key);
            using var stub = HeaderStub.Create(ModelHeader.Of(GgufFile.Read(new MemoryStream(layout.Header.ToArray()), layout.FileBytes)));
            foreach (var placement in model.GroupBy(cell => cell.GpuLayers))
            {
                using var probe = new MemoryProbe(new EngineOptions { ModelPath = stub.Path, Parameters = new EngineParameters { GpuLayers = placement.Key } });
                foreach (var golden in placement.SelectMany(cell => FitGolden.Of(cell, probe.Context(cell.Parameters))))
                {
                    yield return golden;
                }
            }
        }
    }
}
