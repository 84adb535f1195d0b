using System.Text.Json;
using System.Text.Unicode;
using ModelOps.Formats;

namespace ModelOps.Conversion;

/// <summary>Reads the JSON files of a checkpoint: bounded, and tolerant of the bare <c>Infinity</c> and <c>NaN</c> that Python writes.</summary>
internal static class CheckpointJson
{
    /// <summary>The largest tokenizer.json known is about 35 MB; anything beyond this is not a tokenizer.</summary>
    private const long MaximumBytes = 512L << 20;

    /// <summary>Reads a file whose root is an object.</summary>
    public static JsonElement Read(string path)
    {
        var bytes = ReadBytes(path, MaximumBytes);
        try
        {
            // Not disposed on purpose: the elements live as long as the plan does, and the buffer is ours, not the pool's.
            var json = ReplaceNonFinite(bytes);
            RequireTexts(json.Span, path);
            var root = JsonDocument.Parse(json).RootElement;
            return root.ValueKind == JsonValueKind.Object
                ? root
                : throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} holds a JSON {root.ValueKind}, not an object.");
        }
        catch (JsonException exception)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} is not valid JSON: {exception.Message}", "Download the file again.", exception);
        }
    }

    /// <summary>Reads a small file whole, refusing one that is larger than <paramref name="limit"/> bytes.</summary>
    public static byte[] ReadBytes(string path, long limit)
    {
        if (File.Exists(path) && !PlainFile.HasBytes(path))
            return [];
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            if (stream.Length > limit)
                throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} is {stream.Length:N0} bytes large; at most {limit:N0} make sense.");
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ModelOpsException(ErrorKind.FileNotFound, $"{path} does not exist.", null, exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.Failure, $"{path} cannot be read: {exception.Message}", null, exception);
        }
    }

    /// <summary>
    /// Runs code that walks JSON with JsonElement's own accessors; a value of another kind than expected becomes
    /// <see cref="ErrorKind.CorruptFile"/> that names the file.
    /// </summary>
    public static T Guard<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is InvalidOperationException or FormatException or OverflowException or KeyNotFoundException or IndexOutOfRangeException)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{file} has a value of an unexpected kind: {exception.Message}", null, exception);
        }
    }

    /// <summary>
    /// Refuses what the parser lets pass and no string can hold: bytes that are not UTF-8, and halves of surrogate pairs. Reading such a text
    /// would fail wherever that happens to be done.
    /// </summary>
    private static void RequireTexts(ReadOnlySpan<byte> json, string path)
    {
        if (!Utf8.IsValid(json))
            throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} is not UTF-8.", "Download the file again.");
        if (json.IndexOf("\\ud"u8) < 0 && json.IndexOf("\\uD"u8) < 0)
            return;
        var reader = new Utf8JsonReader(json);
        while (reader.Read())
        {
            if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.PropertyName) || !reader.ValueIsEscaped)
                continue;
            try
            {
                reader.GetString();
            }
            catch (InvalidOperationException exception)
            {
                throw new ModelOpsException(ErrorKind.CorruptFile, $"{path} has a text with half of a surrogate pair at byte {reader.TokenStartIndex:N0}.", "Download the file again.", exception);
            }
        }
    }

    /// <summary>
    /// Python's json module writes and reads bare Infinity, -Infinity and NaN, which JSON does not have. Outside strings they become
    /// 1e999 (parsed as infinity) and null.
    /// </summary>
    internal static ReadOnlyMemory<byte> ReplaceNonFinite(byte[] json)
    {
        var start = json.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0;
        if (json.AsSpan().IndexOf("Infinity"u8) < 0 && json.AsSpan().IndexOf("NaN"u8) < 0)
            return json.AsMemory(start);
        var output = new List<byte>(json.Length);
        var inString = false;
        for (var i = start; i < json.Length; i++)
        {
            var rest = json.AsSpan(i);
            if (!inString && rest.StartsWith("Infinity"u8))
            {
                output.AddRange("1e999"u8);
                i += "Infinity".Length - 1;
                continue;
            }
            if (!inString && rest.StartsWith("NaN"u8))
            {
                output.AddRange("null"u8);
                i += "NaN".Length - 1;
                continue;
            }
            output.Add(json[i]);
            if (json[i] == '"')
            {
                inString = !inString;
            }
            else if (inString && json[i] == '\\' && i + 1 < json.Length)
            {
                output.Add(json[++i]);
            }
        }
        return output.ToArray();
    }
}
