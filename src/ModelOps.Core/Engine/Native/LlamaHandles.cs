using System.Runtime.InteropServices;

namespace ModelOps.Engine;

/// <summary>A <c>llama_model*</c>.</summary>
internal sealed unsafe class LlamaModelHandle : SafeHandle
{
    private readonly LlamaApi _api;

    public LlamaModelHandle(LlamaApi api, nint model) : base(0, ownsHandle: true)
    {
        _api = api;
        SetHandle(model);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        _api.ModelFree(handle);
        return true;
    }
}

/// <summary>A <c>llama_context*</c> with the flag its abort callback reads; keeps the model alive.</summary>
internal sealed unsafe class LlamaContextHandle : SafeHandle
{
    private readonly LlamaApi _api;
    private readonly LlamaModelHandle _model;
    private readonly int* _abortFlag;

    public LlamaContextHandle(LlamaApi api, LlamaModelHandle model, nint context, int* abortFlag) : base(0, ownsHandle: true)
    {
        _api = api;
        _model = model;
        _abortFlag = abortFlag;
        bool added = false;
        model.DangerousAddRef(ref added);
        SetHandle(context);
    }

    /// <summary>Makes a running decode stop (on the CPU), or clears that wish.</summary>
    public void SetAbort(bool abort) => Volatile.Write(ref *_abortFlag, abort ? 1 : 0);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        _api.Free(handle);
        NativeMemory.Free(_abortFlag);
        _model.DangerousRelease();
        return true;
    }
}

/// <summary>A <c>llama_sampler*</c> chain.</summary>
internal sealed unsafe class LlamaSamplerHandle : SafeHandle
{
    private readonly LlamaApi _api;

    public LlamaSamplerHandle(LlamaApi api, nint sampler) : base(0, ownsHandle: true)
    {
        _api = api;
        SetHandle(sampler);
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        _api.SamplerFree(handle);
        return true;
    }
}

/// <summary>Borrows the pointer of a handle: while it is held, Dispose on another thread cannot free what native code is using.</summary>
internal readonly ref struct Lease
{
    private readonly SafeHandle _handle;

    public Lease(SafeHandle handle)
    {
        bool added = false;
        handle.DangerousAddRef(ref added);
        _handle = handle;
    }

    public nint Pointer => _handle.DangerousGetHandle();

    public void Dispose() => _handle.DangerousRelease();
}
