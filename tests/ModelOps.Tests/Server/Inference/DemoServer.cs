using ModelOps.Server.Inference;

namespace ModelOps.Tests.Server.Inference;

/// <summary>A server of real models, each in a worker process.</summary>
internal static class DemoServer
{
    private static readonly string Cli = Path.Combine(AppContext.BaseDirectory, "modelops.dll");

    public static InferenceOptions Options(params OfferedModel[] models) => new()
    {
        Models = models,
        Runner = () => new WorkerRunner(["dotnet", Cli, "worker", "--pipe", "{pipe}"]),
        Wish = new FitRequest { ContextLength = 512, GpuLayers = 0 },
        Threads = 1,
    };
}
