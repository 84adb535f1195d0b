using System.Security.Cryptography;
using System.Text;
using ModelOps.Formats;

namespace ModelOps.Conversion;

/// <summary>
/// What makes two runs the same conversion, as a SHA-256: this very build, the headers to be written, the chunks, and the source's files by
/// path, size and time of writing. A run goes on with what another began only when it is the same; a changed source, option or converter begins anew.
/// </summary>
internal static class PlanFingerprint
{
    public static byte[] Of(ConversionPlan plan, IReadOnlyList<GgufLayout> layouts, IReadOnlyList<RowChunk> chunks)
    {
        using var content = new MemoryStream();
        using (var writer = new BinaryWriter(content, Encoding.UTF8, leaveOpen: true))
        {
            // The compiler makes it from the code: another converter may write other bytes.
            writer.Write(typeof(PlanFingerprint).Module.ModuleVersionId.ToByteArray());
            foreach (var layout in layouts)
            {
                writer.Write(layout.FileBytes);
                writer.Write(layout.Header.Span);
            }
            foreach (var tensor in plan.Tensors)
            {
                writer.Write(tensor.Name);
                writer.Write(tensor.Lattice);
                // Headers do not tell which layers were pruned.
                foreach (var source in tensor.Sources)
                    writer.Write(source);
            }
            foreach (var chunk in chunks)
            {
                writer.Write(chunk.Tensor);
                writer.Write(chunk.FirstRow);
                writer.Write(chunk.Rows);
            }
            writer.Write(plan.Source);
            foreach (var state in SourceStates(plan))
                writer.Write(state);
        }
        return SHA256.HashData(content.GetBuffer().AsSpan(0, (int)content.Length));
    }

    /// <summary>The source's files as they are now. A file that is not on this disk is known by its name alone.</summary>
    public static List<string> SourceStates(ConversionPlan plan) => [.. plan.Inputs.Select(input => input.Path is { } path && new FileInfo(path) is { Exists: true } file
        // A link's own size and time say nothing of what it leads to.
        ? $"{path}|{Target(file).Length}|{Target(file).LastWriteTimeUtc.Ticks}"
        : $"{input.Name}|{input.Bytes}|{input.Sha256}")];

    private static FileInfo Target(FileInfo file) => file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
}
