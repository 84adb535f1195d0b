using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps.Transfer;

/// <summary>What lies beside a partial file: which ranges of which content are in it.</summary>
/// <param name="Version">Version of this format.</param>
/// <param name="ETag">Digest of the whole content.</param>
/// <param name="Bytes">Size of the whole content.</param>
/// <param name="Done">Start and end (exclusive) of each range that was written.</param>
internal sealed record PartialState(int Version, string ETag, long Bytes, IReadOnlyList<long[]> Done)
{
    private const int CurrentVersion = 1;

    public static PartialState From(string etag, long bytes, RangeSet done) => new(CurrentVersion, etag, bytes, [.. done.Ranges.Select(range => new[] { range.Start, range.End })]);

    /// <summary>Reads the ranges; none when there is no state, or one of something else: the download then starts over.</summary>
    public static RangeSet Read(string path, string etag, long bytes)
    {
        var done = new RangeSet();
        if (!File.Exists(path))
            return done;
        try
        {
            PartialState? state = JsonSerializer.Deserialize(File.ReadAllBytes(path), PartialStateJson.Default.PartialState);
            if (state?.Done is null || state.Version != CurrentVersion || state.ETag != etag || state.Bytes != bytes || state.Done.Any(range => range is not [>= 0, var end] || end < range[0] || end > bytes))
                return done;
            foreach (long[] range in state.Done)
                done.Add(range[0], range[1]);
        }
        catch (JsonException)
        {
            // Cut off while it was written, or another tool's: nothing is known to be there.
        }
        return done;
    }

    /// <summary>Replaces the state in one step, so that a kill leaves the old or the new one.</summary>
    public void Write(string path)
    {
        string next = path + ".new";
        File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(this, PartialStateJson.Default.PartialState));
        File.Move(next, path, overwrite: true);
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(PartialState))]
internal sealed partial class PartialStateJson : JsonSerializerContext;
