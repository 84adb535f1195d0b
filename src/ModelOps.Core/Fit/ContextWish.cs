using System.Globalization;
using System.Text.Json.Serialization;

namespace ModelOps;

/// <summary>The context that is wished for: a number of tokens, the default, or the largest that fits. A number converts by itself.</summary>
[JsonConverter(typeof(ContextWishConverter))]
public readonly record struct ContextWish
{
    private const string LargestName = "max";

    private ContextWish(int? length) => (_length, IsLargest) = (length ?? 0, length is null);

    private readonly int _length;

    /// <summary>The largest context that fits, up to what the model was trained for.</summary>
    public static ContextWish Largest { get; } = new(null);

    /// <summary>Whether it is <see cref="Largest"/>.</summary>
    public bool IsLargest { get; }

    /// <summary>Tokens; 0 means the smaller of 4096 and what the model was trained for; null the largest that fits.</summary>
    public int? Length => IsLargest ? null : _length;

    /// <summary>So many tokens; 0 for the default.</summary>
    public static implicit operator ContextWish(int length) => new(length);

    /// <summary>So many tokens; 0 for the default.</summary>
    public static ContextWish FromInt32(int length) => length;

    /// <summary>A number of tokens, or <c>max</c>, in any case.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static ContextWish Parse(string text)
    {
        var trimmed = text?.Trim() ?? "";
        if (trimmed.Equals(LargestName, StringComparison.OrdinalIgnoreCase))
        {
            return Largest;
        }
        return int.TryParse(trimmed, NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            ? length
            : throw new ModelOpsException(ErrorKind.InvalidArgument, $"A context is a number of tokens or '{LargestName}', not '{text}'.", "Give for instance 8192; 0 is the default, max the largest that fits.");
    }

    /// <summary>As <see cref="Parse"/> takes it.</summary>
    public override string ToString() => IsLargest ? LargestName : _length.ToString(CultureInfo.InvariantCulture);
}
