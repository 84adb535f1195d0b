using System.Text;
using ModelOps.Cli;
using ModelOps.Cli.Rendering;
using Xunit;

namespace ModelOps.Tests.Cli;

/// <summary>A fit as people see it.</summary>
public class FitReportTests
{
    private static readonly DeviceFit Cpu = new("CPU", DeviceKind.Cpu, 300L << 20, 0, 0, 20L << 20, 128L << 20, 448L << 20, 32L << 30);
    private static readonly DeviceFit Gpu = new("NVIDIA GeForce RTX 4090", DeviceKind.Gpu, 12L << 30, 4L << 30, 0, 1L << 30, 1L << 30, 18L << 30, 23L << 30);

    private static readonly FitResult Fit = new()
    {
        Model = "org/repo:Q4_K_M",
        Machine = "box",
        Fits = true,
        ContextLength = 8192,
        GpuLayers = 33,
        Parameters = new EngineParameters { ContextLength = 8192, GpuLayers = 33 },
        Devices = [Cpu, Gpu],
        TokensPerSecond = new SpeedRange(41.25, 123.4) { Expected = 98.76 },
        PromptTokensPerSecond = new SpeedRange(1234, 5678),
        Advice = ["There is room for a context of up to 16,384 tokens."],
        Explanation = new FitExplanation(
            [
                new DeviceExplanation("CPU", DeviceKind.Cpu, [new FitPart(FitPartKind.Overhead, 128L << 20, 64L << 20, 192L << 20, "the process")], 448L << 20, 384L << 20, 512L << 20, 32L << 30, (32L << 30) - (448L << 20)),
                new DeviceExplanation(
                    "NVIDIA GeForce RTX 4090",
                    DeviceKind.Gpu,
                    [
                        new FitPart(FitPartKind.Weights, 12L << 30, 12L << 30, 12L << 30, "all 32 layers 11.6 GiB; the output 410 MiB; as the header gives their tensors"),
                        new FitPart(FitPartKind.KvCache, 4L << 30, 4L << 30, 4L << 30, "32 layers × 8 heads × 128 × 2 × 8192 cells × 2 bytes (F16)"),
                        new FitPart(FitPartKind.Compute, 1L << 30, 1024L << 20, 1100L << 20, "the worst moment of a batch"),
                    ],
                    18L << 30, 17L << 30, 19L << 30, 16L << 30, -2L << 30),
            ],
            FitCertainty.Close,
            new FitAssumption("NVIDIA GeForce RTX 4090", "The overhead may be 107 to 555 MiB.", 17L << 30, 19L << 30),
            null),
    };

    private static string Render(FitResult fit, bool explain, Func<CliHost, CliHost>? audience = null)
    {
        var output = new StringWriter { NewLine = "\n" };
        var host = new CliHost { Out = output, Error = TextWriter.Null };
        FitReport.Write(new Report(audience?.Invoke(host) ?? host), fit, explain);
        return output.ToString();
    }

    [Fact]
    public void ShortFormHasThePictureAndTheSums() => Assert.Equal(
        """
        Fits: org/repo:Q4_K_M at 8192 tokens of context

        CPU                      ·································  448 MiB of 32.0 GiB
        NVIDIA GeForce RTX 4090  ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▒▒▒▒▒▒░--·······  18.0 GiB of 23.0 GiB
        ▓ weights  ▒ KV cache and state  ░ compute  - other  · free

        Device                    Weights  KV cache   Compute     Other     Total      Free
        CPU                       300 MiB       0 B  20.0 MiB   128 MiB   448 MiB  32.0 GiB
        NVIDIA GeForce RTX 4090  12.0 GiB  4.00 GiB  1.00 GiB  1.00 GiB  18.0 GiB  23.0 GiB

        layers on GPUs  33
        speed           about 99 tokens/s, 41 to 120
        prompts         1200 to 5700 tokens/s
        • There is room for a context of up to 16,384 tokens.

        """,
        Render(Fit, explain: false), ignoreLineEndingDifferences: true);

    /// <summary>In forty columns there is no room beside the figures: how each was computed follows, whole.</summary>
    [Fact]
    public void ANarrowTerminalIsToldHowToo()
    {
        var text = Render(Fit, explain: true, host => host with { OutIsTerminal = true, Width = 40 });
        Assert.All(Fit.Explanation!.Devices.SelectMany(device => device.Parts), part => Assert.Contains(part.How, text, StringComparison.Ordinal));
    }

    [Fact]
    public void ExplainedFormHasEveryPart() => Assert.Equal(
        """
        NVIDIA GeForce RTX 4090
        Part        Memory  Range             How
        weights   12.0 GiB  exact             all 32 layers 11.6 GiB; the output 410
                                              MiB; as the header gives their tensors
        KV cache  4.00 GiB  exact             32 layers × 8 heads × 128 × 2 × 8192
                                              cells × 2 bytes (F16)
        compute   1.00 GiB  1.00 to 1.07 GiB  the worst moment of a batch
        total     18.0 GiB  17.0 to 19.0 GiB
        free      16.0 GiB
        wanting   2.00 GiB

        It is close: at the other end of the ranges the answer is the other one.
        It rests most on this: The overhead may be 107 to 555 MiB.


        """,
        Between(Render(Fit, explain: true, host => host with { OutIsTerminal = true, Width = 80 }), "NVIDIA GeForce RTX 4090\n", "layers on GPUs"), ignoreLineEndingDifferences: true);

    [Theory]
    [InlineData(80)]
    [InlineData(100)]
    [InlineData(60)]
    public void NothingIsWiderThanTheTerminal(int width)
    {
        foreach (var explain in (bool[])[true, false])
        {
            foreach (var colors in (bool[])[true, false])
            {
                var text = Render(Fit, explain, host => host with { OutIsTerminal = true, Width = width, Colors = colors });
                Assert.Equal(colors, text.Contains('\e'));
                Assert.All(System.Text.RegularExpressions.Regex.Replace(text, "\e\\[[0-9;]*m", "").Split('\n').Where(line => line.Contains('▓') || line.Contains('×')), line => Assert.True(line.Length <= width, line));
            }
        }
    }

    [Fact]
    public void ALocaleWithoutShadesGetsAscii()
    {
        var text = Render(Fit, explain: false, host => host with { OutIsTerminal = true, Width = 80, Characters = Encoding.Latin1 });
        Assert.Contains("NVIDIA GeForce RTX 4090  #################", text, StringComparison.Ordinal);
        Assert.DoesNotContain('▓', text);
    }

    private static string Between(string text, string first, string after)
    {
        var start = text.LastIndexOf(first, StringComparison.Ordinal);
        return text[start..text.IndexOf(after, start, StringComparison.Ordinal)];
    }
}
