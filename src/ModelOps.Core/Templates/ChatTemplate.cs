using ModelOps.Templates;

namespace ModelOps;

/// <summary>
/// A model's chat template: the small Jinja program that turns a conversation into the prompt the model was trained on. It is interpreted in
/// a sandbox with the environment that transformers gives it (<c>trim_blocks</c>, <c>lstrip_blocks</c>, <c>tojson</c>, <c>raise_exception</c>,
/// <c>strftime_now</c>, loop controls, <c>generation</c>): it reaches nothing but the values it is given, and steps, memory and nesting are
/// bounded. Instances are immutable and may be used by many threads.
/// </summary>
public sealed class ChatTemplate
{
    private readonly IReadOnlyList<Statement> _body;

    private ChatTemplate(string source, IReadOnlyList<Statement> body, TemplateLimits limits)
    {
        Source = source;
        _body = body;
        Limits = limits;
    }

    /// <summary>The template's text, as it was parsed.</summary>
    public string Source { get; }

    internal TemplateLimits Limits { get; }

    /// <summary>Parses a template, such as <c>chat_template</c> of <c>tokenizer_config.json</c> or <c>tokenizer.chat_template</c> of a GGUF file.</summary>
    /// <param name="source">Jinja text.</param>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidTemplate"/>, with line and column.</exception>
    public static ChatTemplate Parse(string source) => Parse(source, TemplateLimits.Default);

    internal static ChatTemplate Parse(string source, TemplateLimits limits)
    {
        ArgumentNullException.ThrowIfNull(source);
        try
        {
            return new ChatTemplate(source, Parser.Parse(source, limits), limits);
        }
        catch (TemplateException e)
        {
            throw Placed(e, e.At ?? new Position(1, 1), "The chat template is not valid");
        }
    }

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The conversation, oldest turn first; <c>messages</c> in the template.</param>
    /// <param name="addGenerationPrompt">End with the beginning of the assistant's turn; <c>add_generation_prompt</c>.</param>
    /// <param name="bosToken">Text of the model's begin token; <c>bos_token</c>. Null leaves it undefined, which prints as nothing.</param>
    /// <param name="eosToken">Text of the model's end token; <c>eos_token</c>.</param>
    /// <param name="variables">
    /// More variables, such as <c>tools</c> or <c>enable_thinking</c>; they win over all of the above. A <c>messages</c> here replaces
    /// <paramref name="messages"/>, for turns that hold more than role and text. Values are null, strings, numbers, booleans, lists,
    /// dictionaries with string keys, and System.Text.Json elements and nodes.
    /// </param>
    /// <param name="now">What <c>strftime_now</c> tells; null leaves that function undefined, so that the result depends on nothing but the arguments.</param>
    /// <param name="cancellationToken">Stops a long rendering.</param>
    /// <returns>The prompt. Where it begins with <paramref name="bosToken"/>, the tokenizer must not add that token again.</returns>
    /// <exception cref="ModelOpsException">
    /// <see cref="ErrorKind.InvalidTemplate"/> when the template fails or exceeds the sandbox; <see cref="ErrorKind.InvalidArgument"/> when the
    /// template refuses the conversation (<c>raise_exception</c>) or a variable cannot be given to it.
    /// </exception>
    public string Render(
        IReadOnlyList<ChatMessage> messages,
        bool addGenerationPrompt = true,
        string? bosToken = null,
        string? eosToken = null,
        IReadOnlyDictionary<string, object?>? variables = null,
        DateTimeOffset? now = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var interpreter = new Interpreter(new Budget(Limits, cancellationToken), now);
        try
        {
            var converter = new ValueConverter(interpreter);
            // transformers always passes these two, so templates may ask for them without asking whether they are defined.
            interpreter.Define("tools", NoneValue.Instance);
            interpreter.Define("documents", NoneValue.Instance);
            interpreter.Define("add_generation_prompt", BoolValue.Of(addGenerationPrompt));
            if (bosToken is not null)
                interpreter.Define("bos_token", new StringValue(bosToken));
            if (eosToken is not null)
                interpreter.Define("eos_token", new StringValue(eosToken));
            if (variables?.ContainsKey("messages") != true)
                interpreter.Define("messages", converter.Convert(messages));
            foreach (var (name, value) in variables ?? new Dictionary<string, object?>())
                interpreter.Define(name, converter.Convert(value));
            return interpreter.Render(_body);
        }
        catch (TemplateException e) when (e.RaisedByTemplate)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The chat template refuses the conversation: {e.Message}", "Change the order or the roles of the messages as the message says.", e);
        }
        catch (TemplateException e)
        {
            throw Placed(e, interpreter.At, "The chat template failed");
        }
    }

    private static ModelOpsException Placed(TemplateException e, Position at, string what) => new(
        ErrorKind.InvalidTemplate,
        $"{what}: line {at.Line}, column {at.Column}: {e.Message}",
        "The template comes with the model: look for a newer revision, or give the prompt as the model expects it: --raw on the command line, -Raw in PowerShell.",
        e);
}
