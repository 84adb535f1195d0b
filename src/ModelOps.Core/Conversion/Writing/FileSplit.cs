using System.Globalization;
using System.Text.RegularExpressions;
using ModelOps.Formats;

namespace ModelOps.Conversion;

/// <summary>
/// A model in several files, as llama.cpp names and reads them: <c>name-00001-of-00003.gguf</c>, the metadata in the first, the number of the
/// file in each (gguf-py's GGUFWriter, llama_split_path).
/// </summary>
internal static partial class FileSplit
{
    /// <summary>The number of a file is a UINT16, and five digits of the name.</summary>
    private const int MostFiles = ushort.MaxValue;

    /// <summary>
    /// The file of each tensor: they stay in order, and the next file begins where a tensor would make the data larger than
    /// <paramref name="maximumBytes"/>. A tensor that is larger by itself has a file by itself.
    /// </summary>
    public static int[] Assign(IReadOnlyList<GgufTensorSpec> tensors, long? maximumBytes)
    {
        var files = new int[tensors.Count];
        var (file, dataBytes) = (0, 0L);
        for (var i = 0; i < tensors.Count; i++)
        {
            var bytes = tensors[i].Type.RowBytes(tensors[i].Shape[0]) * tensors[i].Shape.Skip(1).Aggregate(1L, (product, length) => product * length);
            if (dataBytes > 0 && dataBytes + bytes > maximumBytes)
                (file, dataBytes) = (file + 1, 0);
            dataBytes += bytes;
            files[i] = file;
        }
        if (file >= MostFiles)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"Files of {maximumBytes:N0} bytes would be {file + 1:N0}, more than {MostFiles:N0}.", "Choose a larger size of the files.");
        return files;
    }

    /// <summary>Lays the files out.</summary>
    /// <param name="metadata">The model's metadata.</param>
    /// <param name="tensors">All tensors.</param>
    /// <param name="files">The file of each, from <see cref="Assign"/>.</param>
    public static IReadOnlyList<GgufLayout> Layouts(GgufMetadata metadata, IReadOnlyList<GgufTensorSpec> tensors, IReadOnlyList<int> files)
    {
        var count = Count(files);
        if (count == 1)
            return [GgufLayout.Create(metadata, tensors)];
        return
        [
            .. Enumerable.Range(0, count).Select(file =>
            {
                var own = new GgufMetadata();
                foreach (var (key, value) in file == 0 ? metadata : [])
                    own.Set(key, value);
                own.Set("split.no", (ushort)file);
                own.Set("split.count", (ushort)count);
                own.Set("split.tensors.count", tensors.Count);
                return GgufLayout.Create(own, [.. tensors.Where((_, i) => files[i] == file)]);
            }),
        ];
    }

    /// <summary>How many files there are.</summary>
    public static int Count(IReadOnlyList<int> files) => files.Count == 0 ? 1 : files[^1] + 1;

    /// <summary>Path of a file, counted from 0; the output's own when there is only one.</summary>
    public static string PathOf(string output, int file, int count)
        => count == 1 ? output : string.Create(CultureInfo.InvariantCulture, $"{Stem(output)}-{file + 1:00000}-of-{count:00000}.gguf");

    /// <summary>An output's path without <c>.gguf</c> and without a number of a file: all files of a model have the same.</summary>
    public static string Stem(string output) => Ending().Replace(output, "");

    [GeneratedRegex(@"(-[0-9]{5}-of-[0-9]{5})?(\.gguf)?\z", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Ending();
}
