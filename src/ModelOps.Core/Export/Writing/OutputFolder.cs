using ModelOps.Hardware;
using ModelOps.Transfer;
using DiskErrors = ModelOps.Conversion.DiskErrors;

namespace ModelOps.Export;

/// <summary>
/// The folder of an export under construction: it lies beside the final place, whose name it takes when it is complete. What a killed run has
/// left is removed by the next.
/// </summary>
internal sealed class OutputFolder : IDisposable
{
    private const string PartialSuffix = ".modelops.incomplete";
    private const string AsideSuffix = ".modelops.replaced";
    private const string LockName = ".lock";

    private readonly string _output;
    private FileStream? _lock;
    private bool _isMine;

    private OutputFolder(string output) => _output = output;

    /// <summary>Where the files are written.</summary>
    public string Partial => _output + PartialSuffix;

    /// <summary>Refuses a place that cannot be written to, or that something else has.</summary>
    /// <param name="output">The folder, by its full path.</param>
    /// <param name="sources">What is read: replacing a folder would remove what lies in it.</param>
    /// <param name="overwrite">Whether a model folder may be replaced.</param>
    public static void Require(string output, IEnumerable<string> sources, bool overwrite)
    {
        var place = LinkedPath.Resolve(output);
        foreach (var source in sources)
        {
            if (LinkedPath.Contains(place, LinkedPath.Resolve(Path.GetFullPath(source))))
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"{output} is what is exported, or holds it.", "Choose another folder for the output.");
        }
        if (File.Exists(output))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{output} is a file.", "Give the folder to be written.");
        if (Path.GetDirectoryName(output) is not { } parent || !Directory.Exists(parent))
            throw new ModelOpsException(ErrorKind.FileNotFound, $"There is no folder {Path.GetDirectoryName(output) ?? output} to write to.", "Create it first.");
        if (!Directory.Exists(output) || !Directory.EnumerateFileSystemEntries(output).Any())
            return;
        if (!overwrite)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{output} exists already.", "Choose another name, or replace it with --force.");
        // One slip of the finger must not cost a home folder.
        if (!File.Exists(Path.Combine(output, "config.json")) || !Directory.EnumerateFiles(output, "*.safetensors").Any() || Directory.EnumerateDirectories(output).Any())
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{output} exists and is not a model folder; only those are replaced.", "Choose another name, or remove it first.");
    }

    /// <summary>Begins a folder with room for so many bytes.</summary>
    public static OutputFolder Open(string output, long bytes)
    {
        var folder = new OutputFolder(output);
        try
        {
            DiskErrors.Require(Path.GetDirectoryName(output)!, bytes, DiskSpace.Free(Path.GetDirectoryName(output)!));
            Directory.CreateDirectory(folder.Partial);
            folder._lock = new FileStream(Path.Combine(folder.Partial, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            folder._isMine = true;
            foreach (var left in Directory.EnumerateFiles(folder.Partial).Where(path => Path.GetFileName(path) != LockName))
                File.Delete(left);
            return folder;
        }
        catch (IOException exception) when (BlobLock.IsHeld(exception))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"Another export is writing {output} at this moment.", "Wait for it to end, or choose another output.", exception);
        }
        catch (IOException exception)
        {
            throw DiskErrors.Translate(exception, output);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{Path.GetDirectoryName(output)} may not be written to.", null, exception);
        }
    }

    /// <summary>Gives the folder its name.</summary>
    public void Commit(bool overwrite)
    {
        if (!overwrite && Directory.Exists(_output) && Directory.EnumerateFileSystemEntries(_output).Any())
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{_output} has appeared meanwhile.", "Export again with --force to replace it.");
        Unlock();
        FolderFlush.Run(Partial);
        var aside = _output + AsideSuffix;
        try
        {
            if (Directory.Exists(_output))
            {
                if (Directory.Exists(aside))
                    Directory.Delete(aside, recursive: true);
                Directory.Move(_output, aside);
            }
            try
            {
                Directory.Move(Partial, _output);
                _isMine = false;
            }
            catch (IOException) when (Directory.Exists(aside) && !Directory.Exists(_output))
            {
                Directory.Move(aside, _output);
                throw;
            }
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"{_output} may not be replaced: {exception.Message}", "It may be read-only or in use.", exception);
        }
        FolderFlush.Run(Path.GetDirectoryName(_output)!);
        if (Directory.Exists(aside))
            Directory.Delete(aside, recursive: true);
    }

    /// <summary>Removes what has not got its name.</summary>
    public void Dispose()
    {
        if (!_isMine)
            return;
        Unlock();
        Directory.Delete(Partial, recursive: true);
    }

    private void Unlock()
    {
        _lock?.Dispose();
        _lock = null;
        File.Delete(Path.Combine(Partial, LockName));
    }
}
