using ModelOps.Tests.Conversion;
using Xunit;

namespace ModelOps.Tests.Quantization;

/// <summary>Recipe files: what is written is read again, and what is not understood is refused.</summary>
public class RecipeFileTests
{
    private static readonly RecipeFile Full = new("Q4_K_M", new RecipeOverrides
    {
        TensorTypes = [new("ffn_down|\"quoted\" \\.weight$", GgmlType.Q6_K), new("attn", GgmlType.F16)],
        OutputType = GgmlType.Q8_0,
        EmbeddingType = GgmlType.BF16,
        Pure = true,
        PruneLayers = [1, 5],
        AllowFallback = false,
    });

    [Fact]
    public void WhatIsWrittenIsRead()
    {
        foreach (var recipe in new[] { Full, new RecipeFile("BF16", RecipeOverrides.None), Full with { Overrides = Full.Overrides with { OutputType = null, Pure = false } } })
        {
            var (text, line) = (recipe.ToJson(), recipe.ToLine());
            Assert.DoesNotContain("\n", line, StringComparison.Ordinal);
            foreach (var read in new[] { RecipeFile.Parse(text, "test"), RecipeFile.Parse(line, "test"), RecipeFile.Parse($$"""{ "schemaVersion": 1, "recipe": {{text}}, "tensors": [] }""", "a plan") })
            {
                Assert.Equal((recipe.Type, recipe.Version, recipe.Overrides.OutputType, recipe.Overrides.EmbeddingType), (read.Type, read.Version, read.Overrides.OutputType, read.Overrides.EmbeddingType));
                Assert.Equal((recipe.Overrides.Pure, recipe.Overrides.AllowFallback, recipe.Overrides.IsNone), (read.Overrides.Pure, read.Overrides.AllowFallback, read.Overrides.IsNone));
                Assert.Equal(recipe.Overrides.TensorTypes, read.Overrides.TensorTypes);
                Assert.Equal(recipe.Overrides.PruneLayers, read.Overrides.PruneLayers);
            }
        }
    }

    [Fact]
    public void PeoplesFilesAreRead()
    {
        var recipe = RecipeFile.Parse("""
            ﻿{
              // For the small machines.
              "version": 1, "type": "q4_k_m",
              "overrides": { "tensorTypes": [{ "pattern": "ffn_down", "type": "q6_k" },], "pruneLayers": [7, 3, 7], "outputType": null },
            }
            """, "test");
        Assert.Equal("Q4_K_M", recipe.Type);
        Assert.Equal([new TensorTypeOverride("ffn_down", GgmlType.Q6_K)], recipe.Overrides.TensorTypes);
        Assert.Equal([3, 7], recipe.Overrides.PruneLayers);
        Assert.Null(recipe.Overrides.OutputType);
    }

    [Theory]
    [InlineData("", ErrorKind.InvalidArgument, "no JSON")]
    [InlineData("{", ErrorKind.InvalidArgument, "no JSON")]
    [InlineData("[]", ErrorKind.InvalidArgument, "an object")]
    [InlineData("""{"type":"Q4_0"}""", ErrorKind.InvalidArgument, "no version")]
    [InlineData("""{"version":"1","type":"Q4_0"}""", ErrorKind.InvalidArgument, "no version")]
    [InlineData("""{"version":2,"type":"Q4_0"}""", ErrorKind.InvalidArgument, "version 2")]
    [InlineData("""{"version":1}""", ErrorKind.InvalidArgument, "no type")]
    [InlineData("""{"version":1,"type":7}""", ErrorKind.InvalidArgument, "type that is no text")]
    [InlineData("""{"version":1,"type":"Q99"}""", ErrorKind.InvalidArgument, "'Q99'")]
    [InlineData("""{"version":1,"type":"Q4_0","typ":"Q8_0"}""", ErrorKind.InvalidArgument, "key 'typ'")]
    [InlineData("""{"version":1,"type":"Q4_0","Type":"Q8_0"}""", ErrorKind.InvalidArgument, "key 'Type'")]
    [InlineData("""{"version":1,"type":"Q4_0","type":"Q8_0"}""", ErrorKind.InvalidArgument, "'type'")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":[]}""", ErrorKind.InvalidArgument, "an object")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"output":"Q8_0"}}""", ErrorKind.InvalidArgument, "key 'output'")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"outputType":"Q8_1"}}""", ErrorKind.UnsupportedType, "'Q8_1'")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"embeddingType":"8"}}""", ErrorKind.UnsupportedType, "'8'")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"pure":1}}""", ErrorKind.InvalidArgument, "pure")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"allowFallback":"no"}}""", ErrorKind.InvalidArgument, "allowFallback")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"pruneLayers":3}}""", ErrorKind.InvalidArgument, "no list")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"pruneLayers":[-1]}}""", ErrorKind.InvalidArgument, "-1")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"pruneLayers":["3-5"]}}""", ErrorKind.InvalidArgument, "3-5")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"tensorTypes":["attn=Q8_0"]}}""", ErrorKind.InvalidArgument, "an object")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"tensorTypes":[{"pattern":"attn"}]}}""", ErrorKind.InvalidArgument, "without")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"tensorTypes":[{"pattern":"","type":"Q8_0"}]}}""", ErrorKind.InvalidArgument, "without")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"tensorTypes":[{"pattern":"attn[","type":"Q8_0"}]}}""", ErrorKind.InvalidArgument, "'attn['")]
    [InlineData("""{"version":1,"type":"\udc00"}""", ErrorKind.InvalidArgument, "no Unicode")]
    [InlineData("""{"version":1,"type":"Q4_0","\ud800":1}""", ErrorKind.InvalidArgument, "no Unicode")]
    [InlineData("""{"version":1,"type":"Q4_0","overrides":{"tensorTypes":[{"pattern":"\ud800","type":"Q8_0"}]}}""", ErrorKind.InvalidArgument, "no Unicode")]
    public void WhatIsNotUnderstoodIsRefused(string json, ErrorKind kind, string message)
    {
        var error = Assert.Throws<ModelOpsException>(() => RecipeFile.Parse(json, "mine.json"));
        Assert.Equal(kind, error.Kind);
        Assert.Contains("mine.json", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public void BytesThatAreNoUtf8AreRefused()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder.File("latin.json"), [.. """{"version":1,"type":"Q4_0","overrides":{"tensorTypes":[{"pattern":"M"""u8, 0xFC, .. """ller","type":"Q8_0"}]}}"""u8]);
        var error = Assert.Throws<ModelOpsException>(() => RecipeFile.Read(folder.File("latin.json")));
        Assert.Equal(ErrorKind.InvalidArgument, error.Kind);
        Assert.Contains("latin.json", error.Message, StringComparison.Ordinal);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public void FileThatIsNotThereIsNamed()
    {
        using var folder = new TemporaryFolder();
        foreach (var (path, message) in new[] { (folder.File("none.json"), "There is no recipe file"), (folder.Path, "is a folder") })
        {
            var error = Assert.Throws<ModelOpsException>(() => RecipeFile.Read(path));
            Assert.Equal(ErrorKind.FileNotFound, error.Kind);
            Assert.Contains(message, error.Message, StringComparison.Ordinal);
            Assert.Contains(path, error.Message, StringComparison.Ordinal);
            Assert.NotNull(error.Hint);
        }
    }

    [Theory]
    [InlineData("ffn_down=Q6_K", "ffn_down", GgmlType.Q6_K)]
    [InlineData(@"blk\.\d+=x=q8_0", @"blk\.\d+=x", GgmlType.Q8_0)]
    [InlineData("attn= bf16", "attn", GgmlType.BF16)]
    public void PatternAndTypeAreRead(string text, string pattern, GgmlType type) => Assert.Equal(new TensorTypeOverride(pattern, type), TensorTypeOverride.Parse(text));

    [Theory]
    [InlineData("attn", ErrorKind.InvalidArgument)]
    [InlineData("=Q8_0", ErrorKind.InvalidArgument)]
    [InlineData("(=Q8_0", ErrorKind.InvalidArgument)]
    [InlineData("attn=Q9", ErrorKind.UnsupportedType)]
    [InlineData("attn=2", ErrorKind.UnsupportedType)]
    [InlineData("attn=", ErrorKind.UnsupportedType)]
    [InlineData("attn=Q8_K", ErrorKind.UnsupportedType)]
    public void OtherTextIsRefused(string text, ErrorKind kind) => Assert.Equal(kind, Assert.Throws<ModelOpsException>(() => TensorTypeOverride.Parse(text)).Kind);

    [Theory]
    [InlineData("3,5-7", 3, 5, 6, 7)]
    [InlineData(" 7 , 3-4, 4", 3, 4, 7)]
    [InlineData("0", 0)]
    public void LayersAreRead(string text, params int[] layers) => Assert.Equal(layers, RecipeOverrides.ParseLayers(text));

    [Theory]
    [InlineData("")]
    [InlineData("a")]
    [InlineData("3,")]
    [InlineData("7-5")]
    [InlineData("-3")]
    [InlineData("1-2-3")]
    [InlineData("0-2000000000")]
    public void OtherLayersAreRefused(string text) => Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => RecipeOverrides.ParseLayers(text)).Kind);

    [Fact]
    public void CommandLineGoesBeforeTheFile()
    {
        var asked = new RecipeOverrides { TensorTypes = [new("attn", GgmlType.Q8_0)], OutputType = GgmlType.F16, PruneLayers = [3] };
        var both = asked.Over(Full.Overrides);
        Assert.Equal(["attn", .. Full.Overrides.TensorTypes.Select(tensor => tensor.Pattern)], both.TensorTypes.Select(tensor => tensor.Pattern));
        Assert.Equal((GgmlType.F16, GgmlType.BF16, true, false), (both.OutputType, both.EmbeddingType, both.Pure, both.AllowFallback));
        Assert.Equal([3], both.PruneLayers);
    }

    /// <summary>An expression that backtracks for ages: told of, not waited for.</summary>
    [Fact]
    public void SlowExpressionIsStopped()
    {
        const string Name = "blk.0.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.weight";
        // Matched in linear time.
        Assert.False(new TensorTypeOverride("(a+)+$", GgmlType.Q8_0).Compile()(Name));
        // Looking ahead needs what backtracks.
        var slow = new TensorTypeOverride("(?=x?)(a+)+$", GgmlType.Q8_0).Compile();
        Assert.Equal(ErrorKind.InvalidArgument, Assert.Throws<ModelOpsException>(() => slow(Name)).Kind);
    }
}
