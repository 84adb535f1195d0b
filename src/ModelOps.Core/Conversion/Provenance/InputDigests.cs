using System.Security.Cryptography;

namespace ModelOps.Conversion;

/// <summary>
/// The digests of a conversion's inputs. Small files are read when the plan is made; a weight file whose digest no snapshot tells is read beside
/// the workers, in the same order as they read it, so that it comes from the system's memory and not from the disk a second time.
/// </summary>
internal sealed class InputDigests(IReadOnlyList<ConversionInput> inputs)
{
    private const int PieceBytes = 1 << 20;

    private readonly string?[] _digests = [.. inputs.Select(input => input.Sha256)];
    private int _next = -1;

    /// <summary>The inputs of a plan.</summary>
    /// <param name="weights">Paths of the files with weights.</param>
    /// <param name="others">Paths of the files that are read whole for the plan.</param>
    /// <param name="folder">The source, which names are relative to.</param>
    /// <param name="withDigests">Whether digests are wanted at all.</param>
    public static List<ConversionInput> Plan(IReadOnlyList<string> weights, IReadOnlyList<string> others, string folder, bool withDigests)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var inputs = new List<ConversionInput>();
        foreach (var path in weights.Concat(others).Distinct(StringComparer.Ordinal))
        {
            var relative = Path.GetRelativePath(folder, path).Replace('\\', '/');
            // A file outside the source, such as an adapter's: a path would tell of the machine.
            var name = relative.StartsWith('.') ? Path.GetFileName(path) : relative;
            var file = new FileInfo(path);
            var target = file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file;
            var digest = !withDigests ? null : Snapshot.DigestOf(file) ?? (others.Contains(path) ? Read(path, CancellationToken.None) : null);
            inputs.Add(new ConversionInput(names.Add(name) ? name : $"{Path.GetFileName(Path.GetDirectoryName(path))}/{name}", target.Length, digest) { Path = path });
        }
        return [.. inputs.OrderBy(input => input.Name, StringComparer.Ordinal)];
    }

    /// <summary>The inputs with every digest that was found.</summary>
    public IReadOnlyList<ConversionInput> Result => [.. inputs.Select((input, i) => input with { Sha256 = _digests[i] })];

    /// <summary>Reads files whose digest is not known, one after the other, until none is left; several threads may.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.Failure"/>.</exception>
    public void Run(CancellationToken cancellationToken)
    {
        for (int index; (index = Interlocked.Increment(ref _next)) < inputs.Count;)
        {
            if (_digests[index] is null && inputs[index].Path is { } path)
                _digests[index] = Read(path, cancellationToken);
        }
    }

    private static string Read(string path, CancellationToken cancellationToken)
    {
        using var files = LocalFiles.Location.Open([], cancellationToken);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var bytes = (new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? new FileInfo(path)).Length;
        var piece = new byte[(int)Math.Min(PieceBytes, bytes)];
        for (var at = 0L; at < bytes; at += piece.Length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var part = piece.AsSpan(0, (int)Math.Min(piece.Length, bytes - at));
            files.Read(path, at, part);
            hash.AppendData(part);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
