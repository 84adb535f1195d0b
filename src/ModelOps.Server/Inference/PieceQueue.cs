using System.Text;
using System.Threading.Channels;

namespace ModelOps.Server.Inference;

/// <summary>
/// Tokens on their way from the engine to a client. The engine never waits for a slow client; what has gathered meanwhile goes out as one piece.
/// </summary>
internal sealed class PieceQueue : IProgress<GeneratedToken>
{
    private readonly Channel<GeneratedToken> _tokens = Channel.CreateUnbounded<GeneratedToken>(new UnboundedChannelOptions { SingleReader = true });

    public void Report(GeneratedToken value) => _tokens.Writer.TryWrite(value);

    /// <summary>There will be no more.</summary>
    public void Complete() => _tokens.Writer.TryComplete();

    /// <summary>What has gathered of one kind, answer or reasoning; waits for one token at least. Null when there is no more.</summary>
    public async Task<Gathered?> NextAsync(CancellationToken cancellationToken)
    {
        if (!await _tokens.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
            return null;
        _tokens.Reader.TryRead(out GeneratedToken? first);
        bool reasoning = first!.IsReasoning;
        var text = new StringBuilder(first.Text);
        while (_tokens.Reader.TryPeek(out GeneratedToken? next) && (next.IsReasoning == reasoning || next.Text.Length == 0))
        {
            _tokens.Reader.TryRead(out _);
            text.Append(next.Text);
        }
        return new Gathered(text.ToString(), reasoning);
    }

    /// <summary>A piece of text.</summary>
    internal sealed record Gathered(string Text, bool IsReasoning);
}
