using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps.Hardware;

/// <summary>
/// The measured bandwidth of this machine's main memory, kept in a small file, so that not every fit measures it. The file is for one machine with one
/// processor, so many processors, and so much memory: when any of them is another, as after a move of a virtual machine, it is measured anew.
/// </summary>
internal sealed class BandwidthCache(string directory, TimeProvider time)
{
    // Memory gets no faster with time, but a measurement on a busy machine should not stay for ever.
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(30);

    private readonly string _file = Path.Combine(directory, "memory-bandwidth.json");

    /// <param name="Key">Whose it is.</param>
    /// <param name="BytesPerSecond">What was measured.</param>
    /// <param name="Measured">When.</param>
    internal sealed record Entry(string Key, double BytesPerSecond, DateTimeOffset Measured);

    /// <summary>The machine that a measurement holds for.</summary>
    public static string KeyOf(Machine machine) => string.Create(CultureInfo.InvariantCulture,
        $"{machine.Name}|{machine.Architecture}|{machine.Processor}|{machine.PhysicalCores}|{machine.LogicalProcessors}|{machine.Devices[0].TotalBytes}");

    /// <summary>What was measured for a machine; null when nothing was, or too long ago.</summary>
    public double? Find(Machine machine)
    {
        try
        {
            return SystemFile.Read(_file) is { } text && JsonSerializer.Deserialize(text, BandwidthJson.Default.Entry) is { Key: { } key, BytesPerSecond: > 0 and < 1e15 } entry
                && key == KeyOf(machine) && time.GetUtcNow() - entry.Measured is { Ticks: >= 0 } age && age < LongestLife ? entry.BytesPerSecond : null;
        }
        catch (JsonException)
        {
            // Whatever it is, it is no measurement; it will be written over.
            return null;
        }
    }

    /// <summary>Keeps a measurement, where there is a place for it: a cache that cannot be written is one that is measured again.</summary>
    public void Keep(Machine machine, double bytesPerSecond)
    {
        var json = JsonSerializer.Serialize(new Entry(KeyOf(machine), bytesPerSecond, time.GetUtcNow()), BandwidthJson.Default.Entry);
        var next = $"{_file}.{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(directory);
            File.WriteAllText(next, json);
            // Another process may be reading: it sees the old file or the new one.
            File.Move(next, _file, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            TryDelete(next);
        }
    }

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // A few bytes in a cache folder.
        }
    }
}

[JsonSerializable(typeof(BandwidthCache.Entry))]
internal sealed partial class BandwidthJson : JsonSerializerContext;
