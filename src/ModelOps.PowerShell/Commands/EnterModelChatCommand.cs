using System.Management.Automation;
using ModelOps.PowerShell.Completion;
using FilePath = System.IO.Path;

namespace ModelOps.PowerShell.Commands;

/// <summary>Enter-ModelChat: talks to a model at the prompt, in the worker process of Invoke-Model or on a server elsewhere.</summary>
[Cmdlet(VerbsCommon.Enter, "ModelChat")]
[OutputType(typeof(void))]
public sealed class EnterModelChatCommand : InferenceCmdlet, IChatHost
{
    /// <summary>GGUF file or installed model; with -Endpoint the server's name of a model.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [Alias("Path")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string Model { get; set; } = "";

    /// <summary>System message.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? System { get; set; }

    /// <summary>Saved conversation to go on with.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Conversation { get; set; }

    /// <summary>Most tokens of an answer.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int MaxTokens { get; set; } = 2048;

    /// <summary>0 always takes the likeliest token; the model's own default when left out.</summary>
    [Parameter]
    [ValidateRange(0f, 10f)]
    public float? Temperature { get; set; }

    /// <summary>Seed of the sampler; a random one when left out.</summary>
    [Parameter]
    public uint? Seed { get; set; }

    /// <summary>On, Off, or Auto, which leaves it to the model's template.</summary>
    [Parameter]
    [ValidateSet("Auto", "On", "Off")]
    public string Thinking { get; set; } = "Auto";

    /// <summary>Context length in tokens; 0 means the smaller of 4096 and what the model was trained for, Max the largest that fits.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(ContextLengthCompleter))]
    public ContextWish ContextLength { get; set; }

    private EngineOptions? _engine;
    private bool _isThinking;

    private protected override IEnumerable<string> LocalOnly => [.. base.LocalOnly, nameof(ContextLength)];

    private protected override async Task ProcessAsync(CancellationToken cancellationToken)
    {
        var conversation = Conversation is null ? new Conversation() : await global::ModelOps.Conversation.LoadAsync(await OnPipelineAsync(() => this.ToFileSystemPath(Conversation)), cancellationToken);
        conversation.Model = Model;
        conversation.System = System ?? conversation.System;
        await LoadAsync(Model, cancellationToken);
        var settings = new GenerationRequest { MaxTokens = MaxTokens, Temperature = Temperature, Seed = Seed, Thinking = ThinkingWish.Read(Thinking) };
        await new ChatSession(this, conversation, settings).RunAsync(cancellationToken);
    }

    private FitRequest Wish => new() { ContextLength = ContextLength, GpuLayers = GpuLayers };

    /// <inheritdoc/>
    async Task<string?> IChatHost.ReadLineAsync(bool isContinued, CancellationToken cancellationToken) => await OnPipelineAsync(() =>
    {
        Host.UI.Write(isContinued ? "… " : "> ");
        return Host.UI.ReadLine();
    });

    /// <inheritdoc/>
    void IChatHost.Write(string text, bool isReasoning)
    {
        var isColoured = isReasoning && Host.UI.SupportsVirtualTerminal;
        var gap = _isThinking && !isReasoning ? "\n\n" : "";
        _isThinking = isReasoning;
        PostToHost(() => Host.UI.Write(isColoured ? $"\e[90m{TerminalText.Clean(text)}\e[0m" : gap + TerminalText.Clean(text)));
    }

    /// <inheritdoc/>
    void IChatHost.EndAnswer(GenerationResult? result)
    {
        _isThinking = false;
        PostToHost(() => Host.UI.WriteLine());
    }

    /// <inheritdoc/>
    void IChatHost.Note(string text) => PostToHost(() => Host.UI.WriteLine(TerminalText.Clean(text)));

    /// <inheritdoc/>
    string IChatHost.FullPath(string path) => OnPipelineAsync(() => this.ToFileSystemPath(path)).GetAwaiter().GetResult();

    /// <inheritdoc/>
    Task IChatHost.LoadAsync(string model, CancellationToken cancellationToken) => LoadAsync(model, cancellationToken);

    private async Task LoadAsync(string model, CancellationToken cancellationToken)
    {
        if (Endpoint is not null)
        {
            // Of the only model the name is asked for: a server that is not there is told before anybody types.
            _ = model == Model ? await NameAsync(model, cancellationToken) : throw new ModelOpsException(
                ErrorKind.InvalidArgument, "A chat with a server elsewhere keeps its model.", "Save the conversation, and load it into a chat with the other model.");
            return;
        }
        var path = await OnPipelineAsync(() => this.OpenStore(Store).ResolveGguf(this.PathOrName(model)));
        var engine = new EngineOptions { ModelPath = path, Threads = Threads };
        var plan = await UseAsync(engine, (_, plan) => Task.FromResult(plan), cancellationToken);
        if (plan.Warning is not null)
        {
            PostWarning(plan.Warning);
        }
        _engine = engine;
    }

    /// <inheritdoc/>
    async Task<GenerationResult> IChatHost.AnswerAsync(GenerationRequest request, IProgress<GeneratedToken> progress, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // The shell ends a pipeline at Ctrl+C. A chat goes on: the key is read here while an answer is written.
        using var keys = Host.Name == "ConsoleHost" ? InterruptKey.Listen(stop.Cancel) : null;
        try
        {
            // Other calls of the session may have loaded another model: this one comes back then.
            return Endpoint is not null
                ? await Connect(Model).GenerateAsync(request, progress, stop.Token)
                : await UseAsync(_engine!, (runner, _) => runner.GenerateAsync(request, progress, stop.Token), stop.Token);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("The answer was stopped.", exception);
        }
    }

    private async Task<T> UseAsync<T>(EngineOptions engine, Func<IModelRunner, EnginePlan, Task<T>> use, CancellationToken cancellationToken)
    {
        using var loading = StartProgress<float>($"Loading {FilePath.GetFileName(engine.ModelPath)}", fraction => new ProgressStep("", fraction));
        return await SessionRunner.UseAsync(engine, Wish, (runner, plan) =>
        {
            loading.Dispose();
            return use(runner, plan);
        }, loading, cancellationToken);
    }
}
