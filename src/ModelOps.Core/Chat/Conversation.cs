using System.Text.Json;
using ModelOps.Chat;

namespace ModelOps;

/// <summary>A conversation with a model as it grows: what was said, taken back, left out, saved and loaded.</summary>
public sealed class Conversation
{
    private readonly List<ChatMessage> _turns = [];

    /// <summary>The system message; null when there is none.</summary>
    public string? System { get; set; }

    /// <summary>The model that answers, as it was named.</summary>
    public string? Model { get; set; }

    /// <summary>The turns after the system message.</summary>
    public IReadOnlyList<ChatMessage> Turns => _turns;

    /// <summary>All of it, for a chat template.</summary>
    public IReadOnlyList<ChatMessage> Messages => System is null ? [.. _turns] : [new ChatMessage("system", System), .. _turns];

    /// <summary>Adds a turn.</summary>
    public void Add(ChatMessage turn) => _turns.Add(turn ?? throw new ArgumentNullException(nameof(turn)));

    /// <summary>Forgets all turns; the system message stays.</summary>
    public void Clear() => _turns.Clear();

    /// <summary>Takes back the last question with its answer; returns the question, null when nothing was asked.</summary>
    public string? Undo()
    {
        int question = _turns.FindLastIndex(turn => turn.Role == "user");
        if (question < 0)
        {
            return null;
        }
        string text = _turns[question].Content;
        _turns.RemoveRange(question, _turns.Count - question);
        return text;
    }

    /// <summary>Brings back turns as they were.</summary>
    internal void Restore(IReadOnlyList<ChatMessage> turns)
    {
        _turns.Clear();
        _turns.AddRange(turns);
    }

    /// <summary>Leaves out the oldest question with its answer, to make room; false when only the last is left.</summary>
    public bool DropOldest()
    {
        int next = _turns.Count > 1 ? _turns.FindIndex(1, turn => turn.Role == "user") : -1;
        if (next < 1)
        {
            return false;
        }
        _turns.RemoveRange(0, next);
        return true;
    }

    /// <summary>Writes the conversation as JSON: <c>{ model, messages: [{ role, content, … }] }</c>. The file is whole or not there.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.Failure"/> when the file cannot be written.</exception>
    public async Task SaveAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string partial = $"{path}.{Environment.ProcessId}.partial";
        try
        {
            await File.WriteAllBytesAsync(partial, JsonSerializer.SerializeToUtf8Bytes(new SavedConversation(Model, Messages), ConversationJson.Readable.SavedConversation), cancellationToken).ConfigureAwait(false);
            File.Move(partial, path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            Forget(partial);
            throw new ModelOpsException(ErrorKind.Failure, $"{path} cannot be written: {exception.Message}", null, exception);
        }
        catch (OperationCanceledException)
        {
            Forget(partial);
            throw;
        }

        // File.Delete minds where there is not even the folder.
        static void Forget(string file)
        {
            if (File.Exists(file))
            {
                File.Delete(file);
            }
        }
    }

    /// <summary>Reads what <see cref="SaveAsync"/> wrote, or any JSON object with <c>messages</c> of <c>role</c> and <c>content</c>.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.FileNotFound"/>, <see cref="ErrorKind.CorruptFile"/>, <see cref="ErrorKind.InvalidArgument"/> for a file that is too long.</exception>
    public static async Task<Conversation> LoadAsync(string path, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        byte[] json = await SmallFile.ReadAsync(path, cancellationToken).ConfigureAwait(false);
        SavedConversation? saved;
        try
        {
            saved = JsonSerializer.Deserialize(json, ConversationJson.Default.SavedConversation);
        }
        // Half a surrogate pair is the second.
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw Broken(exception.Message, exception);
        }
        if (saved?.Messages is null || saved.Messages.Any(message => message is null || string.IsNullOrEmpty(message.Role) || message.Content is null))
        {
            throw Broken("it has no messages, or one without role and content", null);
        }
        if (saved.Messages.Any(message => message.ToolCalls?.Any(call => call is null || call.Id is null || call.Name is null || call.Arguments is null) == true))
        {
            throw Broken("it has a call of a tool without id, name and arguments", null);
        }
        Conversation conversation = new() { Model = saved.Model };
        foreach (ChatMessage message in saved.Messages)
        {
            if (message.Role == "system" && conversation._turns.Count == 0 && conversation.System is null)
            {
                conversation.System = message.Content;
            }
            else
            {
                conversation.Add(message);
            }
        }
        return conversation;

        ModelOpsException Broken(string why, Exception? inner)
            => new(ErrorKind.CorruptFile, $"{path} is no conversation: {why}", "Give a file that /save wrote: { \"messages\": [{ \"role\": \"user\", \"content\": \"…\" }] }.", inner);
    }
}
