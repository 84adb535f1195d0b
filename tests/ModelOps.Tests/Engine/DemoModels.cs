using ModelOps.Tests.Engine;
using Xunit;

[assembly: AssemblyFixture(typeof(DemoModels))]

namespace ModelOps.Tests.Engine;

/// <summary>The demo models as GGUF files of our own converter, made once a test run.</summary>
public sealed class DemoModels : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-demo-").FullName;
    private readonly Dictionary<(string, string), Task<string>> _converted = [];

    /// <summary>Path of a demo model's GGUF file in a type.</summary>
    public Task<string> Gguf(string model, string type)
    {
        lock (_converted)
        {
            if (!_converted.TryGetValue((model, type), out Task<string>? path))
            {
                _converted[(model, type)] = path = ConvertAsync(model, type);
            }
            return path;
        }
    }

    public async Task<LlamaEngine> Load(string model, string type, int contextLength = 256)
        => await LlamaEngine.LoadAsync(new EngineOptions { ModelPath = await Gguf(model, type), Parameters = new() { ContextLength = contextLength, GpuLayers = 0 }, Threads = 1 });

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<string> ConvertAsync(string model, string type)
    {
        string output = Path.Combine(_folder, $"{model}.{type}.gguf");
        await ModelConverter.RunAsync(ConversionPlan.Create(TestPaths.Model(model), output, new ConversionOptions { Type = type, Threads = 1 }));
        return output;
    }
}
