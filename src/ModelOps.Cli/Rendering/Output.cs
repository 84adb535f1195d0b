using System.Text.Json.Serialization.Metadata;
using ModelOps.Cli.Json;

namespace ModelOps.Cli.Rendering;

/// <summary>Where a command writes: results to standard output, as text or JSON; notes, progress and errors to standard error.</summary>
internal sealed class Output(CliHost host, OutputFormat format)
{
    public bool IsJson => format == OutputFormat.Json;

    /// <summary>Writes a result: as a person reads it, or as the record itself.</summary>
    public void Write<T>(T value, JsonTypeInfo<T> type, Action<Report> render)
        where T : notnull
    {
        host.Observe?.Invoke(value);
        if (IsJson)
        {
            host.Out.WriteLine(CliJson.Write(value, type));
        }
        else
        {
            render(new Report(host));
        }
        host.Out.Flush();
    }

    /// <summary>A piece of a streamed answer, at once.</summary>
    public void Stream(string text)
    {
        host.Out.Write(host.OutIsTerminal ? Printable.Clean(text) : text);
        host.Out.Flush();
    }

    /// <summary>A piece of what a model thinks before it answers: for people who watch, in grey.</summary>
    public void StreamReasoning(string text)
    {
        if (host.ErrorIsTerminal)
        {
            host.Error.Write(host.Colors ? $"\e[90m{Printable.Clean(text)}\e[0m" : Printable.Clean(text));
        }
    }

    /// <summary>A remark that is not data.</summary>
    public void Note(string text) => host.Error.WriteLine(Printable.Clean(text));

    /// <summary>A progress line on standard error; silent when nobody watches.</summary>
    public ProgressLine Progress() => new(host.ErrorIsTerminal ? host.Error : null, TimeProvider.System);

    /// <summary>Writes an error where scripts, or people, look for it.</summary>
    public void Fail(ModelOpsException error)
    {
        if (IsJson)
        {
            var report = new ErrorReport(new ErrorDetail(error.ErrorId, error.Message, error.Hint));
            host.Out.WriteLine(CliJson.Write(report, CliJson.Default.ErrorReport));
            return;
        }
        host.Error.WriteLine($"error: {Printable.Clean(error.Message)}");
        if (error.Hint is not null)
        {
            host.Error.WriteLine($"hint: {Printable.Clean(error.Hint)}");
        }
    }
}
