using ModelOps.Chat;
using ModelOps.Templates;

namespace ModelOps.Engine;

/// <summary>A loaded model's own chat template with the texts of its special tokens: turns a conversation into the prompt.</summary>
internal sealed class ModelTemplate(ChatTemplate template, string bos, string eos)
{
    private TemplateManners? _manners;

    /// <summary>What the answers of the model's family look like.</summary>
    public AnswerSyntax Syntax { get; } = AnswerSyntax.Of(template.Source);

    /// <summary>The template of a model.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/> when it has none, <see cref="ErrorKind.InvalidTemplate"/> when it cannot be read.</exception>
    public static ModelTemplate Of(GgufMetadata metadata, Vocabulary vocabulary)
    {
        string source = metadata.FindString("tokenizer.chat_template") ?? throw new ModelOpsException(
            ErrorKind.InvalidArgument,
            "The model has no chat template: it was not trained for conversations, or its converter left the template out.",
            "Give the prompt as the model expects it, without a template: --raw on the command line, -Raw in PowerShell.");
        return new ModelTemplate(ChatTemplate.Parse(source), vocabulary.BosText, vocabulary.EosText);
    }

    /// <summary>
    /// The text of a conversation, up to where the assistant's next words begin. Most templates write BOS themselves;
    /// <see cref="Vocabulary.TokenizePrompt"/> sees to it that it comes once.
    /// </summary>
    public string Render(GenerationRequest request, DateTimeOffset now, CancellationToken cancellationToken)
    {
        _manners ??= new TemplateManners(template, bos, eos, now);
        Dictionary<string, object?> variables = new() { ["messages"] = _manners.Fit(request.Messages ?? [new ChatMessage("user", request.Prompt)]) };
        if (request.Tools.Count > 0)
        {
            if (!_manners.TakesTools)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, "The model's chat template tells it nothing of tools: it was not trained to call any.", "Leave the tools out, or take a model that calls tools.");
            }
            variables["tools"] = request.Tools.Select(ConversationShape.Tool).ToList();
        }
        // An answer under a grammar has no room for thoughts. Families differ in what they call the switch.
        bool? thinking = request.Grammar is null ? request.Thinking : false;
        if (thinking is not null)
        {
            variables["enable_thinking"] = variables["thinking"] = thinking;
        }
        string prompt = template.Render([], addGenerationPrompt: true, bos, eos, variables, now, cancellationToken);
        return request.Grammar is null ? prompt : prompt + Syntax.AnswerPrefix(prompt);
    }
}
