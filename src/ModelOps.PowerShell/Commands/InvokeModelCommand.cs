using System.Management.Automation;
using ModelOps.PowerShell.Completion;
using FilePath = System.IO.Path;

namespace ModelOps.PowerShell.Commands;

/// <summary>Invoke-Model: one prompt or many, answered by a model in a worker process.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "Model", DefaultParameterSetName = ByPath)]
[OutputType(typeof(GenerationResult), typeof(string), typeof(PSObject))]
public sealed partial class InvokeModelCommand : EngineCmdlet
{
    private const string ByPath = "Path";
    private const string ByName = "Model";

    /// <summary>What to answer.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [ValidateNotNullOrEmpty]
    public string[] Prompt { get; set; } = [];

    /// <summary>GGUF file or installed model; a fit or an installed model from the pipeline says which.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true, ParameterSetName = ByPath)]
    [Alias("FullName", "PSPath")]
    [ArgumentCompleter(typeof(InstalledModelCompleter))]
    [AllowNull]
    [AllowEmptyString]
    public string? Path { get; set; }

    /// <summary>The same by another name.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ByName)]
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

    /// <summary>Write the answer's text piece by piece as it comes, instead of a result at the end.</summary>
    [Parameter]
    public SwitchParameter Stream { get; set; }

    private protected override async Task BeginAsync(CancellationToken cancellationToken)
    {
        if (Raw && System is not null)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "-Raw and -System exclude each other.", "A system message is part of the chat template, which -Raw leaves out.");
        }
        // Once for all prompts, before a model is loaded.
        await ReadShapeAsync(cancellationToken);
    }

    private protected override Task ProcessAsync(CancellationToken cancellationToken) => ForEachAsync(Prompt, async prompt =>
    {
        var path = await OnPipelineAsync(() => this.OpenStore(Store).ResolveGguf(this.PathOrName(Wanted)));
        var engine = new EngineOptions { ModelPath = path, Threads = Threads };
        var result = await SessionRunner.UseAsync(async runner =>
        {
            using (var loading = StartProgress<float>($"Loading {FilePath.GetFileName(path)}", fraction => new ProgressStep("", fraction)))
            {
                var plan = await runner.LoadAsync(engine, Wish, loading, cancellationToken);
                if (plan.Warning is not null)
                {
                    PostWarning(plan.Warning);
                }
            }
            return await GenerateAsync(runner, prompt, cancellationToken);
        }, cancellationToken);
        if (!Stream)
        {
            await WriteAnswerAsync(result with { Model = path, Prompt = prompt });
        }
    });

    private string Wanted => ParameterSetName == ByName ? Model
        // The fit of a model that was looked at on the hub.
        : Path is { Length: > 0 } ? Path : throw new ModelOpsException(ErrorKind.FileNotFound, "The model is not on this disk.", "Install it first: Install-Model takes a fit from the pipeline too.");

    private async Task<GenerationResult> GenerateAsync(IModelRunner runner, string prompt, CancellationToken cancellationToken)
    {
        var request = Sampling with
        {
            Prompt = prompt,
            Messages = System is null ? null : [new ChatMessage("system", System), new ChatMessage("user", prompt)],
            Raw = Raw,
            MaxTokens = MaxTokens,
            Stop = Stop,
            Grammar = _grammar,
        };
        if (Stream)
        {
            return await runner.GenerateAsync(request, new TokenStream(PostObject), cancellationToken);
        }
        var count = 0;
        using var progress = StartProgress<GeneratedToken>("Answering", _ => new ProgressStep($"{count} tokens", (double)count / MaxTokens));
        return await runner.GenerateAsync(request, new TokenStream(_ => { }, token => { count++; progress.Report(token); }), cancellationToken);
    }

    /// <summary>Passes every piece of text on, on the thread it comes on: Progress&lt;T&gt; would lose the order.</summary>
    private sealed class TokenStream(Action<string> write, Action<GeneratedToken>? each = null) : IProgress<GeneratedToken>
    {
        public void Report(GeneratedToken value)
        {
            each?.Invoke(value);
            if (value.Text.Length > 0)
            {
                write(value.Text);
            }
        }
    }
}
