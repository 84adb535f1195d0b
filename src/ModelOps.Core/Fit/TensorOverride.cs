using System.Globalization;
using System.Text.RegularExpressions;

namespace ModelOps;

/// <summary>Tensors that are to lie elsewhere than their layer does (llama.cpp's <c>--override-tensor</c>).</summary>
/// <param name="Pattern">Regular expression that is searched for in the tensors' names; without look-around and back-references, so that it takes linear time.</param>
/// <param name="Device"><c>CPU</c>, or <c>GPU0</c>, <c>GPU1</c> … by the engine's order; llama.cpp's own names (<c>CUDA0</c>, <c>Vulkan1</c>) mean the same.</param>
public sealed partial record TensorOverride(string Pattern, string Device)
{
    private const int MaxPatternLength = 512;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>An override as llama.cpp's option has it: <c>pattern=device</c>.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static TensorOverride Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var split = text.LastIndexOf('=');
        if (split <= 0)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' does not say which tensors go where.", "Write pattern=device, such as blk\\.[0-9]\\.ffn_.*=CPU.");
        }
        var parsed = new TensorOverride(text[..split], text[(split + 1)..]);
        _ = parsed.Matcher();
        _ = parsed.GpuIndex();
        return parsed;
    }

    /// <summary>As <see cref="Parse"/> takes it.</summary>
    public override string ToString() => $"{Pattern}={Device}";

    /// <summary>Which GPU is meant, -1 for the CPU.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    internal int GpuIndex()
    {
        if (string.Equals(Device, "CPU", StringComparison.OrdinalIgnoreCase))
        {
            return -1;
        }
        return DevicePattern().Match(Device ?? "") is { Success: true } match && int.TryParse(match.Groups["index"].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out var index)
            ? index
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{Device}' is no device that tensors can be put on.", "Name CPU, or GPU0, GPU1 and so on.");
    }

    /// <summary>The pattern, ready to be searched for.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    internal Regex Matcher()
    {
        const string Hint = "Give a regular expression without look-around and back-references, such as blk\\.[0-9]\\.ffn_.*";
        if (string.IsNullOrEmpty(Pattern) || Pattern.Length > MaxPatternLength)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"A pattern for tensors' names has 1 to {MaxPatternLength} characters.", Hint);
        }
        try
        {
            return new Regex(Pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant, Patience);
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{Pattern}' is no pattern for tensors' names: {exception.Message}", Hint, exception);
        }
    }

    [GeneratedRegex(@"\A(GPU|CUDA|ROCm|Vulkan|SYCL|MTL|Metal)(?<index>[0-9]{1,3})\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex DevicePattern();
}
