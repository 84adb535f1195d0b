using System.CommandLine;
using ModelOps.Cli.Json;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops run</c></summary>
internal static class RunCommand
{
    public static Command Create(CliHost host)
    {
        var asked = new InferenceSyntax();
        var prompt = new Argument<string?>("PROMPT") { Description = "The prompt; - or nothing reads what is piped in.", Arity = ArgumentArity.ZeroOrOne };
        var promptFile = new Option<string?>("--prompt-file") { Description = "Take the prompt from a file.", HelpName = "FILE" };
        var maxTokens = CommandSyntax.Number("--max-tokens", "N", "Most tokens to generate.", 512, least: 1);
        var stop = new Option<string[]>("--stop") { Description = "Stop at this text; may be given more than once.", HelpName = "TEXT" };
        var system = new Option<string?>("--system") { Description = "A system message, for the chat template.", HelpName = "TEXT" };
        var raw = new Option<bool>("--raw") { Description = "Give the prompt to the model as it is, without the chat template." };
        var thinking = ThinkingSyntax.Create();
        var batch = new BatchSyntax("prompt", "answered");
        var sampling = new SamplingSyntax();
        var shape = new AnswerShape();
        var lora = new Option<string[]>("--lora") { Description = "Put a LoRA adapter (GGUF) on the model, at a strength other than 1 if told; may be given more than once.", HelpName = "FILE[=SCALE]" };
        var overflow = CommandSyntax.Choice("--overflow", "error|shift", "When the answer has filled the context: error ends it there, shift forgets the older half and goes on.", ContextOverflow.Error, ContextOverflow.Error, ContextOverflow.Shift);
        var command = new Command("run", "Answer a prompt; the answer is streamed, figures go to standard error. The model is placed as 'modelops fit' has it.")
        {
            asked.Model, prompt, promptFile, maxTokens, stop, system, raw, thinking, lora, overflow,
        };
        foreach (var option in batch.Options.Concat(sampling.Options).Concat(shape.Options).Concat(asked.Options))
        {
            command.Add(option);
        }
        return command.Does(host, async (context, parsed, cancellationToken) =>
        {
            var (isRaw, systemText) = (parsed.GetValue(raw), parsed.GetValue(system));
            if (isRaw && systemText is not null)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, "--raw knows no system message: it bypasses the chat template.", "Leave one of --raw and --system out.");
            }
            // The model first: a wrong name should not wait for the prompt to be typed.
            var adapters = (parsed.GetValue(lora) ?? []).Select(AdapterOptions.Parse).Select(adapter => adapter with { Path = context.FullPath(adapter.Path) });
            await using var model = await asked.OpenAsync(context, parsed, [lora, overflow], [.. adapters], cancellationToken);
            var (grammar, schema) = await shape.ReadAsync(context, parsed, cancellationToken);
            var request = sampling.Read(parsed) with
            {
                Messages = systemText is null ? null : [new ChatMessage("system", systemText)],
                Raw = isRaw,
                Thinking = ThinkingSyntax.Read(parsed, thinking),
                MaxTokens = parsed.GetValue(maxTokens),
                Stop = parsed.GetValue(stop) ?? [],
                Grammar = grammar,
                Schema = schema,
                Overflow = parsed.GetValue(overflow),
            };
            var whole = shape.IsJson(parsed);
            if (batch.Read(context, parsed) is { } plan)
            {
                return parsed.GetValue(prompt) is null && parsed.GetValue(promptFile) is null
                    ? await RunBatch.RunAsync(context, model, request, whole, plan, cancellationToken)
                    : throw new ModelOpsException(ErrorKind.InvalidArgument, "--input excludes PROMPT and --prompt-file: every item has its own prompt.", "Leave one of them out.");
            }
            var text = await ReadPromptAsync(context, parsed.GetValue(prompt), parsed.GetValue(promptFile), cancellationToken);
            await model.PrepareAsync(1, cancellationToken);
            return await RunAsync(context, model, Ask(request, text), whole, cancellationToken);
        });
    }

    /// <summary>A request for a prompt; its messages so far come before.</summary>
    public static GenerationRequest Ask(GenerationRequest request, string prompt)
        => request with { Prompt = prompt, Messages = request.Messages is { } before ? [.. before, new ChatMessage("user", prompt)] : null };

    private static async Task<string> ReadPromptAsync(CommandContext context, string? prompt, string? file, CancellationToken cancellationToken)
    {
        if (prompt is not null && file is not null)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "PROMPT and --prompt-file exclude each other.", "Leave one of them out.");
        }
        var text = file is not null ? await context.ReadTextAsync(file, cancellationToken)
            : prompt is not null and not "-" ? prompt
            : await context.ReadInputAsync(cancellationToken);
        return text.Length > 0 ? text : throw new ModelOpsException(ErrorKind.InvalidArgument, "The prompt is empty.");
    }

    private static async Task<int> RunAsync(CommandContext context, AskedModel model, GenerationRequest request, bool whole, CancellationToken cancellationToken)
    {
        var result = await GenerateAsync(context, model.Inference, request, cancellationToken);
        result = result with { Model = result.Model ?? model.Name, Prompt = request.Prompt };
        if (whole)
        {
            result.RequireWhole();
        }
        context.Output.Write(result, CliJson.Default.GenerationResult, report =>
        {
            // The text itself was streamed.
            if (!result.Text.EndsWith('\n'))
            {
                report.Line();
            }
        });
        if (!context.Output.IsJson)
        {
            context.Output.Note($"{result.Tokens.Count} tokens at {Sizes.Rate(result.TokensPerSecond)} tokens/s; "
                + $"prompt of {result.PromptTokens} at {Sizes.Rate(result.PromptTokensPerSecond)} tokens/s; first token after {result.TimeToFirstToken.TotalSeconds:0.00} s; "
                + $"loaded in {result.LoadTime.TotalSeconds:0.00} s; ended by {Reason(result.FinishReason)}.");
        }
        return 0;
    }

    /// <summary>Loads the model, with a progress line, and tells what is to be expected of it.</summary>
    public static async Task LoadAsync(CommandContext context, string model, IModelRunner runner, EngineOptions options, FitRequest wish, CancellationToken cancellationToken)
    {
        EnginePlan plan;
        using (var progress = context.Output.Progress())
        {
            plan = await runner.LoadAsync(options, wish, progress.Of<float>(fraction => $"Loading {model}  {fraction:P0}"), cancellationToken);
        }
        if (plan.Warning is not null)
        {
            context.Output.Note($"warning: {plan.Warning}");
        }
    }

    private static async Task<GenerationResult> GenerateAsync(CommandContext context, IInference inference, GenerationRequest request, CancellationToken cancellationToken)
    {
        if (context.Output.IsJson)
        {
            return await inference.GenerateAsync(request, null, cancellationToken);
        }
        // When the reader of our output has gone, generating stops; an exception must not travel through the engine's callback.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        IOException? gone = null;
        var isThinking = false;
        var stream = new Receiver<GeneratedToken>(token =>
        {
            if (gone is not null)
            {
                return;
            }
            try
            {
                if (token.IsReasoning)
                {
                    context.Output.StreamReasoning(token.Text);
                    isThinking = true;
                    return;
                }
                if (isThinking && token.Text.Length > 0)
                {
                    context.Output.StreamReasoning("\n\n");
                    isThinking = false;
                }
                context.Output.Stream(token.Text);
            }
            catch (IOException exception)
            {
                gone = exception;
                stop.Cancel();
            }
        });
        try
        {
            return await inference.GenerateAsync(request, stream, stop.Token);
        }
        catch (OperationCanceledException) when (gone is not null)
        {
            throw gone;
        }
    }

    private static string Reason(FinishReason reason) => reason switch
    {
        FinishReason.Stop => "the model",
        FinishReason.Length => "--max-tokens or a full context",
        _ => "a call of a tool",
    };
}
