using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary>A chat on the command line: lines from the keyboard or a pipe, answers to standard output, everything else to standard error.</summary>
/// <param name="context">Where it is written.</param>
/// <param name="inference">What answers.</param>
/// <param name="load">Has it answer with a model; returns what the model is called in results.</param>
internal sealed class ChatTerminal(CommandContext context, IInference inference, Func<string, CancellationToken, Task<string>> load) : IChatHost, IDisposable
{
    private readonly TextReader? _input = context.Host.OpenInput?.Invoke();
    private readonly LineEditor _editor = new();
    private string? _model;
    private bool _isWriting;
    private bool _isThinking;

    public async Task<string?> ReadLineAsync(bool isContinued, CancellationToken cancellationToken)
        => _input is not null ? await _input.ReadLineAsync(cancellationToken)
            : context.Host.ReadAnswer is null ? throw new ModelOpsException(ErrorKind.InvalidArgument, "Nobody is there to chat with.", "Pipe lines in: printf 'Hello\\n/exit\\n' | modelops chat …")
            : await Task.Run(() => _editor.Read(isContinued ? "… " : "> ", cancellationToken), cancellationToken);

    public void Write(string text, bool isReasoning)
    {
        if (context.Output.IsJson)
        {
            return;
        }
        if (isReasoning)
        {
            context.Output.StreamReasoning(text);
        }
        else
        {
            if (_isThinking)
            {
                context.Output.StreamReasoning("\n\n");
            }
            context.Output.Stream(text);
            _isWriting = true;
        }
        _isThinking = isReasoning;
    }

    public void EndAnswer(GenerationResult? result)
    {
        if (context.Output.IsJson)
        {
            if (result is not null)
            {
                context.Output.Write(result with { Model = _model }, CliJson.Default.GenerationResult, _ => { });
            }
        }
        else if (_isWriting)
        {
            context.Output.Stream("\n");
        }
        else if (_isThinking)
        {
            context.Output.StreamReasoning("\n");
        }
        _isWriting = _isThinking = false;
    }

    public void Note(string text) => context.Output.Note(text);

    public string FullPath(string path) => context.FullPath(path);

    public async Task LoadAsync(string model, CancellationToken cancellationToken) => _model = await load(model, cancellationToken);

    public async Task<GenerationResult> AnswerAsync(GenerationRequest request, IProgress<GeneratedToken> progress, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var taken = context.Host.Interrupts.Take(stop.Cancel);
        try
        {
            return await inference.GenerateAsync(request, progress, stop.Token);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("The answer was stopped.", exception);
        }
    }

    public void Dispose() => _input?.Dispose();
}
