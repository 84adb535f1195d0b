using System.Runtime.Intrinsics.X86;

namespace ModelOps.Engine;

/// <summary>Whether the engine may lay out a model's weights anew for the processor's instructions (<c>use_extra_bufts</c>).</summary>
internal static class RepackedWeights
{
    private const int ExtendedFeatures = 7, AmxTile = 1 << 24;

    private static readonly Lazy<bool> HasAmx = new(() => X86Base.IsSupported && X86Base.CpuId(0, 0).Eax >= ExtendedFeatures && (X86Base.CpuId(ExtendedFeatures, 0).Edx & AmxTile) != 0);

    /// <summary>
    /// No for latent attention where there is AMX: llama.cpp v0.4.0 puts its matrices of three dimensions there too, finds no operation that reads them, and aborts
    /// (ggml-backend.cpp, <c>cur_backend_id != -1</c>).
    /// </summary>
    public static bool AreSafe(GgufFile file) => !HasAmx.Value || file.Metadata.FindInteger($"{file.Architecture}.attention.key_length_mla") is null;
}
