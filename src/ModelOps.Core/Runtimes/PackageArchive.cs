using System.Formats.Tar;
using System.IO.Compression;
using System.Text.RegularExpressions;

namespace ModelOps.Runtimes;

/// <summary>
/// Takes the libraries out of a package's archive, and its licence. The digest was checked before; all the same nothing is written but plain files with plain
/// names into the one folder, and no more than a build can have.
/// </summary>
internal static partial class PackageArchive
{
    /// <summary>Most that an archive may unpack to; the largest there is has 375 MB.</summary>
    public const long MostBytes = 2L << 30;
    private const int MostEntries = 1000;

    /// <summary>Unpacks into a folder; what an earlier package put there under the same name is replaced.</summary>
    /// <param name="archive">A gzipped tar as npm packs it, everything under <c>package/</c>.</param>
    /// <param name="folder">An empty folder, or one that holds an earlier package of the runtime.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <param name="mostBytes">Most bytes that the tar may have.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public static async Task UnpackAsync(string archive, string folder, CancellationToken cancellationToken, long mostBytes = MostBytes)
    {
        FileStream file = File.OpenRead(archive);
        await using (file.ConfigureAwait(false))
        {
            GZipStream gzip = new(file, CompressionMode.Decompress);
            await using (gzip.ConfigureAwait(false))
            {
                BoundedStream bounded = new(gzip, mostBytes, () => Refuse("it unpacks to more than any build has"));
                await using (bounded.ConfigureAwait(false))
                {
                    try
                    {
                        await UnpackAsync(bounded, folder, cancellationToken).ConfigureAwait(false);
                    }
                    // A broken tar or gzip; what writing throws comes with a file of its own and is told apart by its type below.
                    catch (Exception exception) when (exception is InvalidDataException or EndOfStreamException or FormatException or ArgumentException or NotSupportedException)
                    {
                        throw Refuse(exception.Message.TrimEnd('.'), exception);
                    }
                }
            }
        }
    }

    private static async Task UnpackAsync(Stream stream, string folder, CancellationToken cancellationToken)
    {
        TarReader tar = new(stream, leaveOpen: true);
        await using (tar.ConfigureAwait(false))
        {
            HashSet<string> written = new(StringComparer.OrdinalIgnoreCase);
            for (int entries = 0; await tar.GetNextEntryAsync(copyData: false, cancellationToken).ConfigureAwait(false) is { } entry; entries++)
            {
                if (entries == MostEntries)
                {
                    throw Refuse($"it has more than {MostEntries} entries");
                }
                if (entry.EntryType == TarEntryType.Directory)
                {
                    continue;
                }
                if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile))
                {
                    throw Refuse($"its entry '{Short(entry.Name)}' is a {entry.EntryType}, not a plain file");
                }
                if (entry.Name.Contains('\\', StringComparison.Ordinal) || entry.Name.Split('/') is not ["package", .. var path] || path.Any(part => part is "" or "." or ".."))
                {
                    throw Refuse($"its entry '{Short(entry.Name)}' lies outside the package");
                }
                if (!Wanted().IsMatch(entry.Name) || Unneeded().IsMatch(path[^1]))
                {
                    continue;
                }
                if (!written.Add(path[^1]))
                {
                    throw Refuse($"it has two files of the name '{Short(path[^1])}'");
                }
                string target = Path.Combine(folder, path[^1]);
                // A new file always: never through a link, never into a file that something holds open.
                File.Delete(target);
                await WriteAsync(entry, target, cancellationToken).ConfigureAwait(false);
            }
            if (written.Count == 0)
            {
                throw Refuse("it holds no libraries");
            }
        }
    }

    private static async Task WriteAsync(TarEntry entry, string target, CancellationToken cancellationToken)
    {
        FileStream output = new(target, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 20, FileOptions.Asynchronous);
        await using (output.ConfigureAwait(false))
        {
            if (entry.DataStream is { } data)
            {
                await data.CopyToAsync(output, 1 << 20, cancellationToken).ConfigureAwait(false);
            }
            if (output.Length != entry.Length)
            {
                throw new InvalidDataException($"'{Short(entry.Name)}' ends too early");
            }
        }
    }

    private static ModelOpsException Refuse(string why, Exception? inner = null)
        => new(ErrorKind.CorruptFile, $"The archive is not a package of llama.cpp libraries: {why}.", "Nothing of it was installed.", inner);

    private static string Short(string name) => new([.. name.Take(80).Select(c => char.IsControl(c) ? '?' : c)]);

    // bins/<platform>/x.so, bins/<platform>/fallback/x.so, LICENSE
    [GeneratedRegex(@"\Apackage/(bins/[A-Za-z0-9-]+/(fallback/)?[A-Za-z0-9._-]+\.(so|dll|dylib)|LICENSE)\z", RegexOptions.CultureInvariant)]
    private static partial Regex Wanted();

    // C++ symbols only, which nothing here calls.
    [GeneratedRegex("llama-common", RegexOptions.CultureInvariant)]
    private static partial Regex Unneeded();
}
