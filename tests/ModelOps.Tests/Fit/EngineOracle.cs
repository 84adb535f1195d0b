using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.RegularExpressions;
using ModelOps.Engine;
using ModelOps.Formats;

namespace ModelOps.Tests.Fit;

/// <summary>What the engine says a model takes, in MiB as it prints them.</summary>
/// <param name="KvCaches">Size of each KV cache: the ordinary one, then the sliding window's.</param>
/// <param name="Cells">Cells of each.</param>
/// <param name="State">Recurrent state.</param>
/// <param name="Compute">Compute buffer.</param>
/// <param name="Output">Output buffer.</param>
internal sealed record EngineMemory(IReadOnlyList<double> KvCaches, IReadOnlyList<int> Cells, double State, double Compute, double Output);

/// <summary>
/// The pinned engine as a calculator: loads a model with <c>no_alloc</c>, from a file that has its full size but only the header written,
/// and reads what it would allocate from its log.
/// </summary>
internal sealed unsafe partial class EngineOracle : IDisposable
{
    private readonly LlamaApi _api = LlamaLibrary.Load(null);
    private readonly nint _model;
    private readonly string? _stub;

    [ThreadStatic]
    private static StringBuilder? _log;

    /// <summary>A model of which only the header is there.</summary>
    public EngineOracle(GgufLayout header)
    {
        _stub = Path.Combine(Path.GetTempPath(), $"modelops-stub-{Guid.NewGuid():N}.gguf");
        using (var file = new FileStream(_stub, FileMode.CreateNew, FileAccess.Write))
        {
            MakeSparse(file);
            file.Write(header.Header.Span);
            file.SetLength(header.FileBytes);
        }
        _model = Load(_stub);
    }

    /// <summary>A model that is there.</summary>
    public EngineOracle(string path) => _model = Load(path);

    /// <summary>What a context takes; <paramref name="batch"/> is n_ubatch.</summary>
    public EngineMemory Context(int contextLength, bool flashAttention, int batch = 512, GgmlType kvType = GgmlType.F16, int sequences = 1)
    {
        var parameters = _api.ContextDefaultParams();
        parameters.ContextLength = (uint)contextLength;
        parameters.BatchLength = (uint)Math.Max(batch, 2048);
        parameters.MicroBatchLength = (uint)batch;
        parameters.FlashAttention = flashAttention ? 1 : 0;
        parameters.KeyType = parameters.ValueType = (int)kvType;
        parameters.FullSlidingWindow = 0;
        parameters.UnifiedCache = 1;
        parameters.MaxSequences = (uint)sequences;
        nint context = 0;
        var log = Listen(() => context = _api.InitFromModel(_model, parameters));
        if (context == 0)
        {
            throw new InvalidOperationException($"The engine made no context:\n{log}");
        }
        _api.Free(context);
        var caches = KvCacheLine().Matches(log);
        return new EngineMemory(
            [.. caches.Select(match => Number(match.Groups[1]))],
            [.. caches.Select(match => int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture))],
            StateLine().Matches(log).Sum(match => Number(match.Groups[1])),
            Number(ComputeLine().Matches(log).Single().Groups[1]),
            Number(OutputLine().Match(log).Groups[1]));
    }

    public void Dispose()
    {
        _api.ModelFree(_model);
        if (_stub is not null)
        {
            File.Delete(_stub);
        }
    }

    private nint Load(string path)
    {
        var parameters = _api.ModelDefaultParams();
        parameters.GpuLayers = 0;
        parameters.LoadMode = 0;
        parameters.NoAlloc = 1;
        // Weights repacked for the CPU change no figure, but where there is AMX the engine puts latent attention's matrices of three
        // dimensions there, finds no operation that reads them, and aborts (ggml-backend.cpp, cur_backend_id != -1).
        parameters.UseExtraBuffers = 0;
        nint model = 0;
        var log = Listen(() =>
        {
            fixed (byte* bytes = Encoding.UTF8.GetBytes(path + '\0'))
            {
                model = _api.ModelLoadFromFile(bytes, parameters);
            }
        });
        return model != 0 ? model : throw new InvalidOperationException($"The engine does not load {path}:\n{log}");
    }

    /// <summary>Collects the log of this thread while something is done. The callback is the process's: see <see cref="EngineMemoryTests"/>.</summary>
    private static string Listen(Action action)
    {
        var library = NativeLibrary.Load(LlamaLibrary.Locate(null, Environment.GetEnvironmentVariable(LlamaLibrary.DirectoryVariable), [AppContext.BaseDirectory]).Llama);
        var set = (delegate* unmanaged[Cdecl]<nint, nint, void>)NativeLibrary.GetExport(library, "llama_log_set");
        var get = (delegate* unmanaged[Cdecl]<nint*, nint*, void>)NativeLibrary.GetExport(library, "llama_log_get");
        nint callback, data;
        get(&callback, &data);
        _log = new StringBuilder();
        try
        {
            set((nint)(delegate* unmanaged[Cdecl]<int, byte*, nint, void>)&Write, 0);
            action();
            return _log.ToString();
        }
        finally
        {
            set(callback, data);
            NativeLibrary.Free(library);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Write(int level, byte* text, nint data) => _log?.Append(Marshal.PtrToStringUTF8((nint)text));

    private static double Number(Group group) => double.Parse(group.Value, CultureInfo.InvariantCulture);

    // Elsewhere a hole costs nothing; NTFS wants to be told, or it would fill the file with zeros.
    private static void MakeSparse(FileStream file)
    {
        if (OperatingSystem.IsWindows())
        {
            const uint SetSparse = 0x900C4;
            uint returned;
            _ = DeviceIoControl(file.SafeFileHandle.DangerousGetHandle(), SetSparse, 0, 0, 0, 0, &returned, 0);
        }
    }

    [LibraryImport("kernel32.dll")]
    private static partial int DeviceIoControl(nint file, uint code, nint input, uint inputLength, nint output, uint outputLength, uint* returned, nint overlapped);

    [GeneratedRegex(@"llama_kv_cache: size =\s+([\d.]+) MiB \(\s*(\d+) cells")]
    private static partial Regex KvCacheLine();

    [GeneratedRegex(@"llama_memory_recurrent: size =\s+([\d.]+) MiB")]
    private static partial Regex StateLine();

    [GeneratedRegex(@"compute buffer size =\s+([\d.]+) MiB")]
    private static partial Regex ComputeLine();

    [GeneratedRegex(@"output buffer size =\s+([\d.]+) MiB")]
    private static partial Regex OutputLine();
}
