using System.Runtime.InteropServices;
using System.Text;

namespace ModelOps.Engine;

/// <summary>
/// Renders a conversation as the model was trained to see it. The one place that knows how: today llama.cpp's list of known templates,
/// recognised by their text; it runs no Jinja.
/// </summary>
internal sealed unsafe class ChatTemplate
{
    private const string Hint = "Give the prompt as the model expects it, without a template: --raw on the command line, -Raw in PowerShell.";

    private readonly LlamaApi _api;
    private readonly byte[] _template;

    private ChatTemplate(LlamaApi api, byte[] template)
    {
        _api = api;
        _template = template;
    }

    /// <summary>The template of a model.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineFailure"/> when the model has none.</exception>
    public static ChatTemplate Of(LlamaApi api, nint model)
    {
        byte* text = api.ModelChatTemplate(model, null);
        if (text == null)
        {
            throw new ModelOpsException(ErrorKind.EngineFailure, "The model has no chat template: it was not trained for conversations, or its converter left the template out.", Hint);
        }
        return new ChatTemplate(api, [.. MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text), 0]);
    }

    /// <summary>The text of a conversation, up to where the assistant's next words begin; without BOS, which the tokenizer adds.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineFailure"/> when llama.cpp does not know the template.</exception>
    public string Render(IReadOnlyList<ChatMessage> messages)
    {
        List<GCHandle> pinned = [];
        try
        {
            LlamaChatMessage[] chat = [.. messages.Select(message => new LlamaChatMessage { Role = Pin(message.Role), Content = Pin(message.Content) })];
            byte[] output = new byte[4096];
            int length = Apply(chat, output);
            if (length > output.Length)
            {
                output = new byte[length];
                length = Apply(chat, output);
            }
            if (length < 0)
            {
                throw new ModelOpsException(ErrorKind.EngineFailure, "The engine does not know the model's chat template.", Hint);
            }
            return Encoding.UTF8.GetString(output, 0, length);
        }
        finally
        {
            foreach (GCHandle handle in pinned)
            {
                handle.Free();
            }
        }

        byte* Pin(string text)
        {
            GCHandle handle = GCHandle.Alloc(Encoding.UTF8.GetBytes(text + '\0'), GCHandleType.Pinned);
            pinned.Add(handle);
            return (byte*)handle.AddrOfPinnedObject();
        }
    }

    private int Apply(LlamaChatMessage[] chat, byte[] output)
    {
        fixed (byte* template = _template)
        fixed (LlamaChatMessage* messages = chat)
        fixed (byte* target = output)
        {
            return _api.ChatApplyTemplate(template, messages, (nuint)chat.Length, 1, target, output.Length);
        }
    }
}
