using System.Text;

namespace ModelOps;

/// <summary>What a stretch of a <see cref="MemoryBar"/> stands for.</summary>
public enum BarContent
{
    /// <summary>Weights.</summary>
    Weights,
    /// <summary>Keys and values, and recurrent state.</summary>
    Cache,
    /// <summary>Compute and output buffers.</summary>
    Compute,
    /// <summary>Device context and runtime.</summary>
    Other,
    /// <summary>What stays free.</summary>
    Free,
    /// <summary>Where the free memory ends when more is asked for.</summary>
    Limit,
}

/// <summary>What a model takes of a device's free memory, as a bar of characters for terminals.</summary>
public static class MemoryBar
{
    private const string ShadeCharacters = "▓▒░-·|";
    private const string AsciiCharacters = "#=+-.|";

    /// <summary>A stretch of a bar.</summary>
    /// <param name="Content">What it stands for.</param>
    /// <param name="Glyph">Its character.</param>
    /// <param name="Length">Characters.</param>
    public readonly record struct Stretch(BarContent Content, char Glyph, int Length);

    /// <summary>The characters to draw with.</summary>
    public sealed class Glyphs
    {
        private readonly string _characters;

        private Glyphs(string characters) => _characters = characters;

        /// <summary>Shades, which nearly every terminal's font has.</summary>
        public static Glyphs Shades { get; } = new(ShadeCharacters);

        /// <summary>For terminals that have ASCII only.</summary>
        public static Glyphs Ascii { get; } = new(AsciiCharacters);

        /// <summary>Shades where an encoding has them, else ASCII.</summary>
        public static Glyphs For(Encoding encoding)
        {
            ArgumentNullException.ThrowIfNull(encoding);
            return encoding.GetString(encoding.GetBytes(ShadeCharacters)) == ShadeCharacters ? Shades : Ascii;
        }

        /// <summary>The character of a content.</summary>
        public char this[BarContent content] => _characters[(int)content];

        /// <summary>What the characters mean.</summary>
        public string Legend => $"{this[BarContent.Weights]} weights  {this[BarContent.Cache]} KV cache and state  {this[BarContent.Compute]} compute  {this[BarContent.Other]} other  {this[BarContent.Free]} free";
    }

    /// <summary>
    /// The stretches of a bar, to the scale of what is free; where more is needed than that, to the scale of what is needed, with
    /// <see cref="BarContent.Limit"/> where the free memory ends.
    /// </summary>
    /// <param name="device">What the model takes on the device.</param>
    /// <param name="width">Characters of the whole bar, the limit's among them; at least 2.</param>
    /// <param name="glyphs">The characters to draw with.</param>
    public static IReadOnlyList<Stretch> Stretches(DeviceFit device, int width, Glyphs glyphs)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(glyphs);
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 2);
        (BarContent Content, long Bytes)[] parts =
        [
            (BarContent.Weights, device.WeightsBytes),
            (BarContent.Cache, device.KvCacheBytes + device.StateBytes),
            (BarContent.Compute, device.ComputeBytes),
            (BarContent.Other, device.OverheadBytes),
            (BarContent.Free, Math.Max(0, device.FreeBytes - device.TotalBytes)),
        ];
        var isOver = device.TotalBytes > device.FreeBytes;
        var cells = isOver ? width - 1 : width;
        double scale = Math.Max(1, Math.Max(device.TotalBytes, device.FreeBytes));
        var limit = isOver ? Cell(device.FreeBytes) : int.MaxValue;
        var stretches = new List<Stretch>();
        double sum = 0;
        var end = 0;
        foreach (var (content, bytes) in parts)
        {
            var start = end;
            sum += bytes;
            // The ends are rounded, not the lengths: together they are as long as the bar.
            end = Cell(sum);
            if (limit <= end)
            {
                Add(content, limit - start);
                Add(BarContent.Limit, 1);
                (start, limit) = (limit, int.MaxValue);
            }
            Add(content, end - start);
        }
        return stretches;

        int Cell(double bytes) => (int)Math.Round(cells * (bytes / scale));

        void Add(BarContent content, int length)
        {
            if (length > 0)
            {
                stretches.Add(new Stretch(content, glyphs[content], length));
            }
        }
    }

    /// <summary>The bar as text; see <see cref="Stretches"/>.</summary>
    public static string Draw(DeviceFit device, int width, Glyphs glyphs)
        => string.Concat(Stretches(device, width, glyphs).Select(stretch => new string(stretch.Glyph, stretch.Length)));
}
