using Microsoft.Win32.SafeHandles;
using ModelOps.Formats;
using ModelOps.Transfer;

namespace ModelOps.Conversion;

/// <summary>Writes bytes to a position of a file; tests put a disk that fails in its place.</summary>
internal delegate void WriteAt(SafeFileHandle file, ReadOnlySpan<byte> bytes, long position);

/// <summary>
/// The files of an output under construction: each beside its final place, which it takes when all are complete. Headers are written last, so
/// that not even a copy of a partial file is taken for a model. With the journal a later run of the same plan goes on where this one ended.
/// </summary>
internal sealed class OutputFiles : IDisposable
{
    private readonly ConversionPlan _plan;
    private readonly WriteAt _write;
    private readonly string _journalPath;
    private readonly string[] _partials;
    private readonly List<SafeFileHandle> _handles = [];

    private OutputFiles(ConversionPlan plan, byte[] fingerprint, WriteAt write)
    {
        (_plan, _write) = (plan, write);
        _journalPath = PartialName.Journal(plan.Output, fingerprint);
        _partials = [.. plan.Files.Select(file => PartialName.Partial(file.Path, fingerprint))];
    }

    /// <summary>What is there.</summary>
    public Journal Journal { get; private set; } = null!;

    /// <summary>Whether the files have their names.</summary>
    public bool IsCommitted { get; private set; }

    private string Folder => Path.GetDirectoryName(_plan.Output)!;

    /// <summary>Opens what an earlier run of the plan has left, or creates the files with all their room allocated.</summary>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InsufficientDiskSpace"/>; <see cref="ErrorKind.InvalidArgument"/> when the folder may not be written to, or the same
    /// conversion is running.
    /// </exception>
    public static OutputFiles Open(ConversionPlan plan, byte[] fingerprint, int chunks, ConversionDisk disk)
    {
        var files = new OutputFiles(plan, fingerprint, disk.Write);
        try
        {
            PartialName.RemoveOthers(plan.Output, fingerprint);
            files.Open(fingerprint, chunks, disk);
            return files;
        }
        catch (IOException exception)
        {
            files.Dispose();
            throw DiskErrors.Translate(exception, plan.Output);
        }
        catch (UnauthorizedAccessException exception)
        {
            files.Dispose();
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{files.Folder} may not be written to.", null, exception);
        }
        catch
        {
            files.Dispose();
            throw;
        }
    }

    /// <summary>Writes bytes of a tensor to their place.</summary>
    public void Write(PlannedTensor tensor, long position, ReadOnlySpan<byte> bytes) => _write(_handles[tensor.File], bytes, tensor.Offset + position);

    /// <summary>Reads back what was written.</summary>
    public bool TryRead(PlannedTensor tensor, long position, Span<byte> bytes)
    {
        for (var done = 0; done < bytes.Length;)
        {
            var read = RandomAccess.Read(_handles[tensor.File], bytes[done..], tensor.Offset + position + done);
            if (read == 0)
                return false;
            done += read;
        }
        return true;
    }

    /// <summary>Puts what was written so far on the disk.</summary>
    public void Flush() => _handles.ForEach(RandomAccess.FlushToDisk);

    /// <summary>Writes the headers, puts everything on the disk and gives the files their names: all of them, or none.</summary>
    public void Commit(IReadOnlyList<GgufLayout> layouts)
    {
        for (var i = 0; i < layouts.Count; i++)
            _write(_handles[i], layouts[i].Header.Span, 0);
        // Renaming a file is atomic, but a file system may order it before the data without this.
        Flush();
        _handles.ForEach(handle => handle.Dispose());
        try
        {
            FileSwap.Run(_partials, [.. _plan.Files.Select(file => file.Path)], _plan.Options.Overwrite);
        }
        catch (IOException exception) when (!_plan.Options.Overwrite && _plan.Files.FirstOrDefault(file => File.Exists(file.Path)) is { } there)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{there.Path} has appeared meanwhile.", "Convert again with --force to replace it.", exception);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{_plan.Output} may not be replaced: {exception.Message}", "It may be read-only or in use.", exception);
        }
        IsCommitted = true;
        FolderFlush.Run(Folder);
        Journal.Dispose();
        File.Delete(_journalPath);
    }

    /// <summary>Removes everything: no later run can go on with it.</summary>
    public void Discard()
    {
        foreach (var path in _partials)
            File.Delete(path);
        File.Delete(_journalPath);
        Dispose();
    }

    /// <summary>Closes the files; what is there stays for the next run.</summary>
    public void Dispose()
    {
        _handles.ForEach(handle => handle.Dispose());
        Journal?.Dispose();
    }

    private void Open(byte[] fingerprint, int chunks, ConversionDisk disk)
    {
        Journal = OpenJournal(fingerprint, chunks);
        var isLeft = Journal.HasChunks && _plan.Files.Select((file, i) => new FileInfo(_partials[i]) is { Exists: true } partial && partial.Length == file.Bytes).All(same => same);
        if (!isLeft)
        {
            Journal.Clear();
            foreach (var path in _partials)
                File.Delete(path);
        }
        try
        {
            // What is left has its room already.
            if (!isLeft)
                DiskErrors.Require(Folder, _plan.Bytes, disk.FreeBytes(Folder));
            for (var i = 0; i < _partials.Length; i++)
            {
                _handles.Add(isLeft
                    ? File.OpenHandle(_partials[i], FileMode.Open, FileAccess.ReadWrite, FileShare.None)
                    : File.OpenHandle(_partials[i], FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, FileOptions.None, _plan.Files[i].Bytes));
                // Where room cannot be allocated ahead, the length is set all the same: the header's place stays zero until the end.
                RandomAccess.SetLength(_handles[i], _plan.Files[i].Bytes);
            }
        }
        catch when (!isLeft)
        {
            Discard();
            throw;
        }
    }

    private Journal OpenJournal(byte[] fingerprint, int chunks)
    {
        try
        {
            return Journal.Open(_journalPath, fingerprint, chunks);
        }
        catch (IOException exception) when (BlobLock.IsHeld(exception))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"Another conversion is writing {_plan.Output} from the same source at this moment.", "Wait for it to end, or choose another output.", exception);
        }
    }
}
