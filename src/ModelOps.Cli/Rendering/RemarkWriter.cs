using System.Text;

namespace ModelOps.Cli.Rendering;

/// <summary>
/// Standard error, for remarks: a command whose standard error is closed or on a full disk still does its work, and its exit code still
/// says how it went. What cannot be said there is said nowhere.
/// </summary>
internal sealed class RemarkWriter(TextWriter inner) : TextWriter
{
    private bool _gone;

    public override Encoding Encoding => inner.Encoding;

    public override void Write(char value) => Attempt(() => inner.Write(value));

    public override void Write(string? value) => Attempt(() => inner.Write(value));

    public override void WriteLine(string? value) => Attempt(() => inner.WriteLine(value));

    public override void Flush() => Attempt(inner.Flush);

    private void Attempt(Action write)
    {
        if (_gone)
        {
            return;
        }
        try
        {
            write();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _gone = true;
        }
    }
}
