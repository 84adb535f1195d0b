using System.Management.Automation;
using ModelOps.PowerShell.Completion;
using FilePath = System.IO.Path;

namespace ModelOps.PowerShell.Commands;

/// <summary>Invoke-Model: one prompt or many, answered by a model in a worker process.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "Model", DefaultParameterSetName = ByPath)]
[OutputType(typeof(GenerationResult), typeof(string), typeof(PSObject))]
public sealed partial class InvokeModelCommand : InferenceCmdlet
{
    private const string ByPath = "Path";
    private const string ByName = "Model";

    /// <summary>GGUF file or installed model; a fit or an installed model from the pipeline says which.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = ByPath)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByPath + OfFile)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByPath + OfLiteralFile)]
    [Alias("FullName", "PSPath")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [AllowNull]
    [AllowEmptyString]
    public string? Path { get; set; }

    /// <summary>The same by another name.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByName)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByName + OfFile)]
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByName + OfLiteralFile)]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [ValidateNotNullOrEmpty]
    public string Model { get; set; } = "";

    /// <summary>Most tokens to generate.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int MaxTokens { get; set; } = 512;

    /// <summary>System message, before the prompt.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? System { get; set; }

    /// <summary>Give the prompt to the model as it is, without the chat template.</summary>
    [Parameter]
    public SwitchParameter Raw { get; set; }

    /// <summary>Stop at any of these texts.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Stop { get; set; } = [];

    /// <summary>LoRA adapters (GGUF) to put on the model, each as FILE or FILE=SCALE.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Adapter { get; set; } = [];

    /// <summary>What happens when an answer has filled the context: Error ends it there, Shift forgets the older half and goes on.</summary>
    [Parameter]
    public ContextOverflow Overflow { get; set; }

    /// <summary>Write the answer's text piece by piece as it comes, instead of a result at the end.</summary>
    [Parameter]
    public SwitchParameter Stream { get; set; }

    private IReadOnlyList<AdapterOptions> _adapters = [];

    private protected override IEnumerable<string> LocalOnly =>
    [
        .. base.LocalOnly, nameof(Parameters), nameof(ContextLength), nameof(CpuExpertLayers), nameof(TensorSplit), nameof(TensorOverride), nameof(KvType), nameof(KvCacheOnCpu), nameof(BatchSize),
        nameof(FlashAttention), nameof(Loading), nameof(Adapter), nameof(Overflow), nameof(KeepAlive),
    ];

    // The engine's death is no matter of one prompt: what follows would wait for another load, and perhaps for the same end.
    private protected override bool IsItemError(Exception error) => base.IsItemError(error) && error is not ModelOpsException { Kind: ErrorKind.EngineCrashed };

    private protected override async Task BeginAsync(CancellationToken cancellationToken)
    {
        if (Raw && System is not null)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "-Raw and -System exclude each other.", "A system message is part of the chat template, which -Raw leaves out.");
        }
        await base.BeginAsync(cancellationToken);
        if (Parallel > 1)
        {
            BeginParallel();
        }
        if (Endpoint is null)
        {
            SessionRunner.KeepAlive = KeepAlive;
        }
        _adapters = await OnPipelineAsync(() => Adapter.Select(AdapterOptions.Parse).Select(adapter => adapter with { Path = this.PathOrName(adapter.Path) }).ToList());
        // Once for all prompts, before a model is loaded.
        await ReadShapeAsync(cancellationToken);
    }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachPromptAsync(async question =>
    {
        if (_work is not null)
        {
            await _work.AddAsync(question, WriteOutcomeAsync);
            return;
        }
        var (result, _) = await AnswerAsync(question, cancellationToken);
        if (!Stream)
        {
            await WriteAnswerAsync(result);
        }
    }, cancellationToken);

    private async Task<(GenerationResult Result, string? Warning)> AnswerAsync(Question question, CancellationToken cancellationToken)
    {
        if (question.Remote is { } remote)
        {
            return (await GenerateAsync(remote, question, cancellationToken) with { Prompt = question.Prompt, Id = question.Id }, null);
        }
        var engine = new EngineOptions { ModelPath = question.Path, Threads = Threads, Adapters = _adapters };
        using var loading = StartProgress<float>($"Loading {FilePath.GetFileName(question.Path)}", fraction => new ProgressStep("", fraction));
        return await SessionRunner.UseAsync(engine, question.Wish, async (runner, plan) =>
        {
            loading.Dispose();
            if (_work is null && plan.Warning is not null)
            {
                PostWarning(plan.Warning);
            }
            return (await GenerateAsync(runner, question, cancellationToken) with { Model = question.Path, Prompt = question.Prompt, Id = question.Id }, plan.Warning);
        }, loading, cancellationToken);
    }

    private string Wanted => ParameterSetName.StartsWith(ByName, StringComparison.Ordinal) ? Model
        // The fit of a model that was looked at on the hub.
        : Path is { Length: > 0 } ? Path : throw new ModelOpsException(ErrorKind.FileNotFound, "The model is not on this disk.", "Install it first: Install-Model takes a fit from the pipeline too.");

    private async Task<GenerationResult> GenerateAsync(IInference inference, Question question, CancellationToken cancellationToken)
    {
        var request = Sampling with
        {
            Prompt = question.Prompt,
            Messages = System is null ? null : [new ChatMessage("system", System), new ChatMessage("user", question.Prompt)],
            Raw = Raw,
            Thinking = ThinkingWish.Read(Thinking),
            MaxTokens = MaxTokens,
            Stop = Stop,
            Grammar = _grammar,
            Schema = _schema,
            Overflow = Overflow,
        };
        if (Stream)
        {
            return await inference.GenerateAsync(request, new TokenStream(PostObject), cancellationToken);
        }
        if (_work is not null)
        {
            return await inference.GenerateAsync(request, null, cancellationToken);
        }
        var count = 0;
        using var progress = StartProgress<GeneratedToken>("Answering", _ => new ProgressStep($"{count} tokens", (double)count / MaxTokens));
        return await inference.GenerateAsync(request, new TokenStream(_ => { }, token => { count++; progress.Report(token); }), cancellationToken);
    }

    /// <summary>Passes every piece of text on, on the thread it comes on: Progress&lt;T&gt; would lose the order.</summary>
    private sealed class TokenStream(Action<string> write, Action<GeneratedToken>? each = null) : IProgress<GeneratedToken>
    {
        public void Report(GeneratedToken value)
        {
            each?.Invoke(value);
            if (value.Text.Length > 0 && !value.IsReasoning)
            {
                write(value.Text);
            }
        }
    }
}
