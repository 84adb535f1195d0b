using System.Text;
using ModelOps.Chat;
using ModelOps.Dialogue;

namespace ModelOps;

/// <summary>A chat: reads lines, answers them, obeys what begins with a slash. The same for every front end; what is theirs is behind <see cref="IChatHost"/>.</summary>
/// <param name="host">The front end.</param>
/// <param name="conversation">What was said before.</param>
/// <param name="settings">How answers are made; its prompt and messages do not count.</param>
public sealed class ChatSession(IChatHost host, Conversation conversation, GenerationRequest settings)
{
    private const string Help = """
          /help                this list
          /system [TEXT]       set the system message; without TEXT take it away
          /read FILE           ask what a file says
          /retry               answer the last question again
          /undo                take back the last question and its answer
          /clear               forget the conversation; the system message stays
          /history             show the conversation
          /save FILE           write the conversation as JSON
          /load FILE           go on with a saved conversation
          /model NAME          take another model for the answers to come
          /set [NAME VALUE]    change how answers are made; alone shows the settings
          /think on|off|auto   whether the model thinks before it answers
          /exit                end the chat
          A line that ends in \ goes on in the next. Ctrl+C stops an answer.
        """;

    private bool _isOver;

    /// <summary>The conversation; /load replaces it.</summary>
    public Conversation Conversation { get; private set; } = conversation;

    /// <summary>How answers are made; /set changes it.</summary>
    public GenerationRequest Settings { get; private set; } = settings;

    /// <summary>Chats until /exit or the end of the input. What goes wrong with one line is told, and the next is read.</summary>
    /// <exception cref="OperationCanceledException">The chat was cancelled.</exception>
    public async Task RunAsync(CancellationToken cancellationToken = default)
    {
        while (!_isOver && await ReadAsync(cancellationToken).ConfigureAwait(false) is { } line)
        {
            try
            {
                if (line.StartsWith('/'))
                {
                    await ObeyAsync(line, cancellationToken).ConfigureAwait(false);
                }
                else if (!string.IsNullOrWhiteSpace(line))
                {
                    await AskAsync(line, Conversation.Turns, cancellationToken).ConfigureAwait(false);
                }
            }
            catch (ModelOpsException exception)
            {
                Tell(exception);
            }
        }
    }

    private async Task<string?> ReadAsync(CancellationToken cancellationToken)
    {
        StringBuilder text = new();
        while (await host.ReadLineAsync(text.Length > 0, cancellationToken).ConfigureAwait(false) is { } line)
        {
            if (!line.EndsWith('\\'))
            {
                return text.Append(line).ToString();
            }
            text.Append(line, 0, line.Length - 1).Append('\n');
        }
        return text.Length > 0 ? text.ToString() : null;
    }

    private async Task ObeyAsync(string line, CancellationToken cancellationToken)
    {
        string[] words = line.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string rest = words.Length > 1 ? words[1] : "";
        switch (words[0].ToLowerInvariant())
        {
            case "/help" or "/?":
                host.Note(Help);
                break;
            case "/exit" or "/quit" or "/bye":
                _isOver = true;
                break;
            case "/system":
                Conversation.System = rest.Length > 0 ? rest : null;
                host.Note(rest.Length > 0 ? "The system message holds from the next question on." : "There is no system message now.");
                break;
            case "/clear":
                Conversation.Clear();
                host.Note("The conversation begins anew.");
                break;
            case "/undo":
                host.Note(Conversation.Undo() is { } taken ? $"Taken back: {taken}" : "There is nothing to take back.");
                break;
            case "/retry":
                IReadOnlyList<ChatMessage> before = [.. Conversation.Turns];
                await AskAsync(Conversation.Undo() ?? throw new ModelOpsException(ErrorKind.InvalidArgument, "Nothing was asked yet."), before, cancellationToken).ConfigureAwait(false);
                break;
            case "/history":
                host.Note(Conversation.Messages.Count == 0 ? "Nothing was said yet." : string.Join('\n', Conversation.Messages.Select(message => $"{message.Role}: {message.Content}")));
                break;
            case "/save":
                await Conversation.SaveAsync(Path(rest), cancellationToken).ConfigureAwait(false);
                host.Note($"Saved {Conversation.Turns.Count} turns to {rest}.");
                break;
            case "/load":
                string? model = Conversation.Model;
                Conversation = await Conversation.LoadAsync(Path(rest), cancellationToken).ConfigureAwait(false);
                // Whoever wants the saved model says so: loading one may take minutes.
                Conversation.Model = model;
                host.Note($"Loaded {Conversation.Turns.Count} turns from {rest}.");
                break;
            case "/read":
                await AskAsync(await ReadFileAsync(Path(rest), cancellationToken).ConfigureAwait(false), Conversation.Turns, cancellationToken).ConfigureAwait(false);
                break;
            case "/model":
                if (rest.Length == 0)
                {
                    host.Note(Conversation.Model ?? "No model was named.");
                    break;
                }
                await ChangeModelAsync(rest, cancellationToken).ConfigureAwait(false);
                break;
            case "/set":
                string[] setting = rest.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
                if (setting.Length == 2)
                {
                    Settings = ChatSettings.Apply(Settings, setting[0], setting[1]);
                }
                host.Note(setting.Length == 1 ? "Give a name and a value: /set temperature 0.2" : setting.Length == 2 ? $"{setting[0]} is {setting[1]}." : ChatSettings.Describe(Settings));
                break;
            case "/think":
                Settings = ChatSettings.Apply(Settings, "thinking", rest);
                host.Note($"Thinking is {rest.ToLowerInvariant()}.");
                break;
            default:
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no command {words[0]}.", "/help lists them. A question that begins with a slash takes a space before it.");
        }
    }

    private async Task ChangeModelAsync(string model, CancellationToken cancellationToken)
    {
        try
        {
            await host.LoadAsync(model, cancellationToken).ConfigureAwait(false);
        }
        catch (ModelOpsException exception) when (Conversation.Model is not null)
        {
            // One model at a time is loaded, and what was had to make room before this one failed.
            Tell(exception);
            await host.LoadAsync(Conversation.Model, cancellationToken).ConfigureAwait(false);
            host.Note($"{Conversation.Model} goes on answering.");
            return;
        }
        Conversation.Model = model;
        host.Note($"{model} answers from now on.");
    }

    private void Tell(ModelOpsException exception)
        => host.Note(exception.Hint is null ? $"error: {exception.Message}" : $"error: {exception.Message}\nhint: {exception.Hint}");

    /// <param name="text">The question.</param>
    /// <param name="turns">What is left of the conversation when nobody answers.</param>
    /// <param name="cancellationToken">Ends the chat.</param>
    private async Task AskAsync(string text, IReadOnlyList<ChatMessage> turns, CancellationToken cancellationToken)
    {
        ChatMessage[] before = [.. turns];
        Conversation.Add(new ChatMessage("user", text));
        StringBuilder answer = new();
        StringBuilder reasoning = new();
        GenerationResult? result = null;
        try
        {
            result = await AnswerAsync(cancellationToken).ConfigureAwait(false);
            Conversation.Add(new ChatMessage("assistant", result.Text) { Reasoning = result.Reasoning });
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // What was said until then counts.
            Conversation.Add(new ChatMessage("assistant", answer.ToString()) { Reasoning = reasoning.Length > 0 ? reasoning.ToString() : null });
        }
        catch
        {
            Conversation.Restore(before);
            throw;
        }
        finally
        {
            host.EndAnswer(result);
        }
        if (result is null)
        {
            host.Note("Stopped.");
        }
        else if (result.FinishReason == FinishReason.Length)
        {
            host.Note($"Cut off after {result.Tokens.Count} tokens; /set max-tokens allows more.");
        }

        async Task<GenerationResult> AnswerAsync(CancellationToken stop)
        {
            while (true)
            {
                try
                {
                    return await host.AnswerAsync(Settings with { Messages = Conversation.Messages, Raw = false }, new Listener(Hear), stop).ConfigureAwait(false);
                }
                catch (ModelOpsException exception) when (exception.Kind == ErrorKind.ContextFull && answer.Length + reasoning.Length == 0 && Conversation.DropOldest())
                {
                    host.Note("The context is full: the oldest question and its answer are left out.");
                }
            }
        }

        void Hear(GeneratedToken token)
        {
            (token.IsReasoning ? reasoning : answer).Append(token.Text);
            if (token.Text.Length > 0)
            {
                host.Write(token.Text, token.IsReasoning);
            }
        }
    }

    private string Path(string given) => given.Length == 0 ? throw new ModelOpsException(ErrorKind.InvalidArgument, "Which file?", "/save FILE, /load FILE, /read FILE")
        : given.Contains('\0', StringComparison.Ordinal) ? throw new ModelOpsException(ErrorKind.InvalidArgument, "No file has such a name.") : host.FullPath(given);

    private static async Task<string> ReadFileAsync(string path, CancellationToken cancellationToken)
    {
        using StreamReader reader = new(new MemoryStream(await SmallFile.ReadAsync(path, cancellationToken).ConfigureAwait(false)));
        return await reader.ReadToEndAsync(cancellationToken).ConfigureAwait(false) is { Length: > 0 } text ? text : throw new ModelOpsException(ErrorKind.InvalidArgument, $"{path} is empty.");
    }

    /// <summary>Hears at once, in order: Progress&lt;T&gt; would do neither.</summary>
    private sealed class Listener(Action<GeneratedToken> hear) : IProgress<GeneratedToken>
    {
        public void Report(GeneratedToken value) => hear(value);
    }
}
