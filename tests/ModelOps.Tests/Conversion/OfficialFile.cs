using System.Runtime.InteropServices;
using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>A file that llama.cpp's own converter wrote.</summary>
internal static class OfficialFile
{
    /// <summary>Runs a plan; asserts that it writes the very same file.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="path">The official file.</param>
    /// <param name="rounded">The end of the names of F32 tensors that may differ by two units in the last place; null for none.</param>
    public static async Task AssertWrittenBy(ConversionPlan plan, string path, string? rounded = null)
    {
        var official = GgufFile.Read(path);

        // First what is readable when it fails, then everything.
        Assert.Equal(Describe(official.Metadata), Describe(plan.Metadata));
        Assert.Equal(
            official.Tensors.Select(tensor => $"{tensor.Name} {tensor.Type} [{string.Join(',', tensor.Shape)}] {tensor.Offset}"),
            plan.Tensors.Select(tensor => $"{tensor.Name} {tensor.Type} [{string.Join(',', tensor.Shape)}] {tensor.Offset}"));

        var result = await ModelConverter.RunAsync(plan);

        var ours = await File.ReadAllBytesAsync(plan.Output);
        var theirs = await File.ReadAllBytesAsync(path);
        foreach (var tensor in official.Tensors.Where(tensor => rounded is not null && tensor.Name.EndsWith(rounded, StringComparison.Ordinal)))
        {
            var data = ours.AsSpan((int)tensor.Offset, (int)tensor.Bytes);
            var expected = theirs.AsSpan((int)tensor.Offset, (int)tensor.Bytes);
            foreach (var (value, other) in MemoryMarshal.Cast<byte, int>(data).ToArray().Zip(MemoryMarshal.Cast<byte, int>(expected).ToArray()))
                Assert.InRange(value, other - 2, other + 2);
            expected.CopyTo(data);
        }
        foreach (var tensor in official.Tensors)
            Assert.True(theirs.AsSpan((int)tensor.Offset, (int)tensor.Bytes).SequenceEqual(ours.AsSpan((int)tensor.Offset, (int)tensor.Bytes)), tensor.Name);
        Assert.Equal(theirs, ours);
        Assert.Equal(ours.Length, result.Bytes);
    }

    private static string[] Describe(GgufMetadata metadata)
        => [.. metadata.Select(entry => $"{entry.Key}: {entry.Value.GetType().Name} {(entry.Value is Array values ? string.Join('|', values.Cast<object>()) : entry.Value)}")];
}
