using System.Text;

namespace ModelOps.Engine;

/// <summary>The LoRA adapters of a loaded model, which frees them; each context of it is told to use them.</summary>
internal sealed unsafe class AdapterSet
{
    private readonly LlamaApi _api;
    private readonly nint[] _adapters;
    private readonly float[] _scales;

    private AdapterSet(LlamaApi api, nint[] adapters, float[] scales)
    {
        _api = api;
        _adapters = adapters;
        _scales = scales;
    }

    /// <summary>Loads adapters that <see cref="AdapterCheck"/> has passed.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineFailure"/> with the engine's last log lines.</exception>
    public static AdapterSet Load(LlamaApi api, LlamaModelHandle model, IReadOnlyList<AdapterOptions> adapters)
        => new(api, [.. adapters.Select(adapter => Load(api, model, adapter.Path))], [.. adapters.Select(adapter => adapter.Scale)]);

    /// <summary>Has a context use them.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineFailure"/>.</exception>
    public void Apply(LlamaContextHandle context)
    {
        if (_adapters.Length == 0)
        {
            return;
        }
        EngineLog.Clear();
        fixed (nint* adapters = _adapters)
        fixed (float* scales = _scales)
        {
            if (_api.SetAdapters(context.DangerousGetHandle(), adapters, (nuint)_adapters.Length, scales) != 0)
            {
                throw new ModelOpsException(ErrorKind.EngineFailure, EngineLog.Explain("The adapters could not be put on the model."));
            }
        }
    }

    private static nint Load(LlamaApi api, LlamaModelHandle model, string path)
    {
        EngineLog.Clear();
        fixed (byte* name = Encoding.UTF8.GetBytes(Path.GetFullPath(path) + '\0'))
        {
            var adapter = api.LoadAdapter(model.DangerousGetHandle(), name);
            return adapter != 0 ? adapter : throw new ModelOpsException(ErrorKind.EngineFailure, EngineLog.Explain($"{path} could not be loaded."));
        }
    }
}
