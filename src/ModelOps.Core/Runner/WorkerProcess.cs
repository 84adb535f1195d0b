using System.Diagnostics;
using System.IO.Pipes;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Threading.Channels;

namespace ModelOps.Runner;

/// <summary>One child process and the pipe to it.</summary>
internal sealed class WorkerProcess : IAsyncDisposable
{
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ExitTimeout = TimeSpan.FromSeconds(3);

    private readonly Process _process;
    private readonly NamedPipeServerStream _pipe;
    private readonly StreamReader _reader;
    private readonly LastWords _lastWords;
    private readonly SemaphoreSlim _writing = new(1);
    private readonly CancellationTokenSource _closing = new();
    private readonly Dictionary<int, Channel<WorkerEvent>> _calls = [];
    private Task _receiving = Task.CompletedTask;
    private int _exitCode;
    private string? _killedAs;
    private bool _ended;

    private WorkerProcess(Process process, NamedPipeServerStream pipe, LastWords lastWords)
    {
        _process = process;
        Id = process.Id;
        _pipe = pipe;
        _lastWords = lastWords;
        _reader = new StreamReader(pipe, new UTF8Encoding(false), detectEncodingFromByteOrderMarks: false, bufferSize: 1 << 16, leaveOpen: true);
    }

    /// <summary>Process id of the child.</summary>
    public int Id { get; }

    /// <summary>Whether the child is still there.</summary>
    public bool IsAlive
    {
        get
        {
            try
            {
                return !Volatile.Read(ref _ended) && !_process.HasExited;
            }
            catch (InvalidOperationException)
            {
                // Disposed of at this moment.
                return false;
            }
        }
    }

    /// <summary>Starts a child and waits until it serves.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/> when the command cannot be run, <see cref="ErrorKind.EngineCrashed"/> when the child dies or says nothing.</exception>
    public static async Task<WorkerProcess> StartAsync(IReadOnlyList<string> command, CancellationToken cancellationToken)
    {
        // A name nobody can guess and a pipe of this user's alone: no other account can speak to the child, nor pretend to be it.
        string name = "modelops-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));
        if (!OperatingSystem.IsWindows())
        {
            // The whole path: the runtime looks at TMPDIR once in a process's life, and a shell may have changed it since for its children.
            name = Path.Combine(Path.GetTempPath(), name);
        }
        NamedPipeServerStream pipe = OpenPipe(name);
        LastWords lastWords = new();
        Process? process = null;
        try
        {
            process = WorkerLaunch.Start(command, name, lastWords);
            WorkerProcess worker = new(process, pipe, lastWords);
            await worker.ConnectAsync(cancellationToken).ConfigureAwait(false);
            RemoveSocket(name);
            worker._receiving = worker.ReceiveAllAsync();
            return worker;
        }
        catch
        {
            await pipe.DisposeAsync().ConfigureAwait(false);
            if (process is not null)
            {
                await EndAsync(process, TimeSpan.Zero).ConfigureAwait(false);
                process.Dispose();
            }
            throw;
        }
    }

    /// <summary>Sends a line.</summary>
    /// <exception cref="IOException">The child is gone.</exception>
    public async Task SendAsync(WorkerRequest request)
    {
        byte[] json = [.. JsonSerializer.SerializeToUtf8Bytes(request, WorkerJson.Default.WorkerRequest), (byte)'\n'];
        await _writing.WaitAsync().ConfigureAwait(false);
        try
        {
            await _pipe.WriteAsync(json).ConfigureAwait(false);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>What the child says of a call, from now on; ends without an end of the call when the child is gone. To be followed by <see cref="Forget"/>.</summary>
    public IAsyncEnumerable<WorkerEvent> Listen(int call, CancellationToken cancellationToken)
    {
        Channel<WorkerEvent> channel = Channel.CreateUnbounded<WorkerEvent>(new UnboundedChannelOptions { SingleReader = true, SingleWriter = true });
        lock (_calls)
        {
            _calls.Add(call, channel);
            if (_ended)
            {
                channel.Writer.Complete();
            }
        }
        return channel.Reader.ReadAllAsync(cancellationToken);
    }

    /// <summary>Nobody listens to what is said of a call any more.</summary>
    public void Forget(int call)
    {
        lock (_calls)
        {
            _calls.Remove(call);
        }
    }

    /// <summary>Ends the child at once.</summary>
    /// <param name="why">What those learn who waited for it.</param>
    public void Kill(string why)
    {
        Volatile.Write(ref _killedAs, why);
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // Somebody else has ended it, and disposed of it.
        }
    }

    /// <summary>Why the child is gone; waits for its end, and ends it where only the pipe broke.</summary>
    public async Task<ModelOpsException> CrashAsync(string during)
    {
        await _closing.CancelAsync().ConfigureAwait(false);
        await _receiving.ConfigureAwait(false);
        return WorkerEnd.Error(_killedAs ?? WorkerEnd.Describe(_exitCode), _lastWords, during);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        // The end of the pipe is what tells the child to go.
        await _pipe.DisposeAsync().ConfigureAwait(false);
        await _closing.CancelAsync().ConfigureAwait(false);
        await _receiving.ConfigureAwait(false);
        _process.Dispose();
    }

    /// <summary>Hands what the child says to those who listen, call by call, until it is gone.</summary>
    private async Task ReceiveAllAsync()
    {
        try
        {
            while (await ReceiveAsync(_closing.Token).ConfigureAwait(false) is { } message)
            {
                Channel<WorkerEvent>? call;
                lock (_calls)
                {
                    _calls.TryGetValue(message.Id, out call);
                }
                call?.Writer.TryWrite(message);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // The same as the end of the pipe.
        }
        catch (JsonException exception)
        {
            Kill($"it does not speak as a worker does ({exception.Message})");
        }
        await EndAsync(_process, ExitTimeout).ConfigureAwait(false);
        _exitCode = _process.ExitCode;
        lock (_calls)
        {
            _ended = true;
            foreach (Channel<WorkerEvent> call in _calls.Values)
            {
                call.Writer.TryComplete();
            }
        }
    }

    /// <summary>The next line of the child; null when it is gone.</summary>
    private async Task<WorkerEvent?> ReceiveAsync(CancellationToken cancellationToken)
    {
        string? line = await _reader.ReadLineAsync(cancellationToken).ConfigureAwait(false);
        return line is null ? null : JsonSerializer.Deserialize(line, WorkerJson.Default.WorkerEvent);
    }

    private static NamedPipeServerStream OpenPipe(string name)
    {
        try
        {
            return new NamedPipeServerStream(name, PipeDirection.InOut, 1, PipeTransmissionMode.Byte, PipeOptions.CurrentUserOnly | PipeOptions.Asynchronous);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SocketException or ArgumentOutOfRangeException)
        {
            // Outside Windows a pipe is a socket in the temporary folder, whose path may have a hundred characters.
            throw new ModelOpsException(ErrorKind.Failure, $"No pipe to a worker process could be made in {Path.GetTempPath()}: {exception.Message}",
                "The temporary folder must exist, be writable and have a short path; TMPDIR names another.", exception);
        }
    }

    /// <summary>
    /// Outside Windows a pipe is a socket file of this name. Once both ends are connected nobody needs it, and it would stay if this process were killed.
    /// </summary>
    private static void RemoveSocket(string name)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.Delete(name);
        }
    }

    private async Task ConnectAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StartTimeout);
        Task exited = _process.WaitForExitAsync(limit.Token);
        Task<WorkerEvent?> ready = ReadyAsync(limit.Token);
        try
        {
            if (await Task.WhenAny(ready, exited).ConfigureAwait(false) == exited)
            {
                await exited.ConfigureAwait(false);
                throw WorkerEnd.Error(WorkerEnd.Describe(_process.ExitCode), _lastWords, "while starting");
            }
            WorkerEvent? hello = await ready.ConfigureAwait(false);
            if (hello?.Ready is null)
            {
                throw await StillbornAsync().ConfigureAwait(false);
            }
            if (hello.Ready != WorkerProtocol.Version)
            {
                throw new ModelOpsException(ErrorKind.EngineNotFound, $"The worker is ModelOps {hello.Ready}, this is {WorkerProtocol.Version}.", "Install the same version of the module and of the command-line tool.");
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ModelOpsException(ErrorKind.EngineCrashed, $"The worker said nothing for {StartTimeout.TotalSeconds:0} seconds after its start.{_lastWords}", "The machine may be overloaded; try again.");
        }
        catch (IOException)
        {
            throw await StillbornAsync().ConfigureAwait(false);
        }
        finally
        {
            await limit.CancelAsync().ConfigureAwait(false);
        }
    }

    private async Task<ModelOpsException> StillbornAsync()
    {
        await EndAsync(_process, ExitTimeout).ConfigureAwait(false);
        return WorkerEnd.Error(WorkerEnd.Describe(_process.ExitCode), _lastWords, "while starting");
    }

    private async Task<WorkerEvent?> ReadyAsync(CancellationToken cancellationToken)
    {
        await _pipe.WaitForConnectionAsync(cancellationToken).ConfigureAwait(false);
        return await ReceiveAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task EndAsync(Process process, TimeSpan patience)
    {
        using CancellationTokenSource limit = new(patience);
        try
        {
            await process.WaitForExitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        }
    }
}
