using Xunit;

namespace ModelOps.Tests.Conversion;

/// <summary>Conversions of GGUF files against files of llama-quantize.</summary>
internal static class QuantizeParity
{
    /// <summary>Converts a GGUF file, and compares every byte of the result with <paramref name="expected"/>.</summary>
    public static async Task AssertSameBytesAsync(string source, string expected, string actual, ConversionOptions options)
    {
        var plan = ConversionPlan.Create(source, actual, options with { KeepLattice = false, Provenance = false, Overwrite = true });
        var result = await ModelConverter.RunAsync(plan, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(options.Type, result.Type);
        Assert.Equal(
            GgufFile.Read(expected).Tensors,
            GgufFile.Read(actual).Tensors,
            (x, y) => (x.Name, x.Type, x.Offset, x.Bytes) == (y.Name, y.Type, y.Offset, y.Bytes) && x.Shape.SequenceEqual(y.Shape));
        Assert.True(File.ReadAllBytes(expected).AsSpan().SequenceEqual(File.ReadAllBytes(actual)));
    }

    /// <summary>Compares all tensors and metadata of two files, whatever their order.</summary>
    public static void AssertSameContent(string expected, string actual)
    {
        var (theirs, ours) = (GgufFile.Read(expected), GgufFile.Read(actual));
        Assert.Equal(theirs.Metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal), ours.Metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal));
        Assert.Equal(theirs.Tensors.Count, ours.Tensors.Count);
        var (expectedBytes, actualBytes) = (File.ReadAllBytes(expected), File.ReadAllBytes(actual));
        var byName = ours.Tensors.ToDictionary(tensor => tensor.Name);
        foreach (var tensor in theirs.Tensors)
        {
            var same = byName[tensor.Name];
            Assert.True((tensor.Type, tensor.Bytes) == (same.Type, same.Bytes), $"{tensor.Name} is {same.Type} instead of {tensor.Type}.");
            Assert.True(expectedBytes.AsSpan((int)tensor.Offset, (int)tensor.Bytes).SequenceEqual(actualBytes.AsSpan((int)same.Offset, (int)same.Bytes)), $"The bytes of {tensor.Name} differ.");
        }
    }
}
