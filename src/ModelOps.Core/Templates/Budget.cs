using System.Runtime.CompilerServices;

namespace ModelOps.Templates;

/// <summary>Counts what one rendering uses and stops it at the <see cref="TemplateLimits"/> or when it is cancelled.</summary>
internal sealed class Budget(TemplateLimits limits, CancellationToken cancellationToken)
{
    private const int StepsBetweenChecks = 1024;
    private long _steps;
    private long _nextCheck;
    private long _characters;
    private int _depth;

    public TemplateLimits Limits => limits;

    /// <summary>Pays for <paramref name="count"/> steps before they are taken.</summary>
    public void Step(long count = 1)
    {
        _steps += count;
        if (_steps < _nextCheck)
            return;
        cancellationToken.ThrowIfCancellationRequested();
        if (_steps > limits.Steps)
            throw TemplateException.Limit($"{limits.Steps} steps");
        _nextCheck = _steps + StepsBetweenChecks;
    }

    /// <summary>Pays for a text of this length before it is built.</summary>
    public void Text(long length)
    {
        if (length > limits.TextLength)
            throw TemplateException.Limit($"{limits.TextLength} characters in one text");
        _characters += length;
        if (_characters > limits.Characters)
            throw TemplateException.Limit($"{limits.Characters} characters in all texts");
        // Copying is work too: without this a loop over a long text would be cheap in steps and dear in time.
        Step(1 + length / 256);
    }

    /// <summary>Pays for reading a text.</summary>
    public void Touch(string text) => Step(1 + text.Length / 32);

    /// <summary>Pays for looking for one text in another: where both repeat themselves, that takes their product.</summary>
    public void Search(string text, string wanted) => Step(1 + text.Length / 32 + (long)text.Length * wanted.Length / 65_536);

    /// <summary>One level deeper; every call is paired with <see cref="Leave"/>.</summary>
    public void Enter()
    {
        Step();
        if (++_depth > limits.Depth || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw TemplateException.Limit($"{limits.Depth} levels of nesting");
    }

    public void Leave() => _depth--;

    public string Join(string left, string right)
    {
        Text((long)left.Length + right.Length);
        return left + right;
    }

    public string Repeat(string text, long count)
    {
        if (count <= 0 || text.Length == 0)
            return "";
        // The product may pass 64 bits; anything past the limit is the same to Text.
        Text(count > limits.TextLength ? long.MaxValue / 2 : count * text.Length);
        return new System.Text.StringBuilder(text.Length * (int)count).Insert(0, text, (int)count).ToString();
    }
}
