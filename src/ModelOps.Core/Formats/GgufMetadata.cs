using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace ModelOps;

/// <summary>
/// Keys and values of a GGUF header in file order. Values are boxed CLR values of the GGUF type (byte … double, bool, string) or arrays
/// of them (<c>string[]</c>, <c>float[]</c>, <c>int[]</c>, …), so that the type survives a round trip.
/// </summary>
public sealed class GgufMetadata : IReadOnlyDictionary<string, object>
{
    private readonly List<string> _keys = [];
    private readonly Dictionary<string, object> _values = new(StringComparer.Ordinal);

    /// <summary>Sets a value. A key that is already there keeps its place (as llama.cpp's writer does).</summary>
    public void Set(string key, object value)
    {
        if (_values.TryAdd(key, value))
        {
            _keys.Add(key);
        }
        else
        {
            _values[key] = value;
        }
    }

    /// <inheritdoc/>
    public object this[string key] => _values[key];

    /// <inheritdoc/>
    public IEnumerable<string> Keys => _keys;

    /// <inheritdoc/>
    public IEnumerable<object> Values => _keys.Select(key => _values[key]);

    /// <inheritdoc/>
    public int Count => _keys.Count;

    /// <inheritdoc/>
    public bool ContainsKey(string key) => _values.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out object value) => _values.TryGetValue(key, out value);

    /// <summary>A string value; <see cref="ErrorKind.CorruptFile"/> when it is missing or of another type.</summary>
    public string GetString(string key) => FindString(key) ?? throw Missing(key, "string");

    /// <summary>A string value, or null.</summary>
    public string? FindString(string key) => _values.GetValueOrDefault(key) as string;

    /// <summary>An integer of any width, or null when missing or not an integer that fits.</summary>
    public long? FindInteger(string key) => Integer(_values.GetValueOrDefault(key));

    internal static long? Integer(object? value) => value switch
    {
        byte number => number,
        sbyte number => number,
        ushort number => number,
        short number => number,
        uint number => number,
        int number => number,
        ulong number and <= long.MaxValue => (long)number,
        long number => number,
        _ => null,
    };

    /// <summary>An integer of any width; <see cref="ErrorKind.CorruptFile"/> when missing.</summary>
    public long GetInteger(string key) => FindInteger(key) ?? throw Missing(key, "integer");

    /// <summary>A float or double, or null.</summary>
    public double? FindNumber(string key) => _values.GetValueOrDefault(key) switch
    {
        float value => value,
        double value => value,
        _ => FindInteger(key),
    };

    /// <summary>A boolean, or null.</summary>
    public bool? FindBoolean(string key) => _values.GetValueOrDefault(key) as bool?;

    /// <summary>An array with elements of type <typeparamref name="T"/> (exactly), or null.</summary>
    public T[]? FindArray<T>(string key) => _values.GetValueOrDefault(key) as T[];

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, object>> GetEnumerator()
        => _keys.Select(key => KeyValuePair.Create(key, _values[key])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static ModelOpsException Missing(string key, string type)
        => new(ErrorKind.CorruptFile, $"The GGUF header has no {type} '{key}'.", "The file is incomplete or was written by a broken converter; download or convert it again.");
}
