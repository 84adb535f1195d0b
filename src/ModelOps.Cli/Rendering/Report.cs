using Spectre.Console;

namespace ModelOps.Cli.Rendering;

/// <summary>A column of a table.</summary>
/// <param name="Title">Heading.</param>
/// <param name="Right">Numbers stand right.</param>
/// <param name="Wrap">May be broken into lines when the terminal is narrow.</param>
internal sealed record Column(string Title, bool Right = false, bool Wrap = false);

/// <summary>Results for people: plain lines and tables, with colours only where the terminal takes them.</summary>
internal sealed class Report(CliHost host)
{
    private static readonly Style Heading = new(decoration: Decoration.Bold);
    private static readonly Style Good = new(Color.Green);
    private static readonly Style Bad = new(Color.Red);
    private static readonly Style Quiet = new(Color.Grey);

    /// <summary>Columns that a picture takes: the terminal's, 80 in a file or a pipe.</summary>
    public int PictureWidth => host.OutIsTerminal ? Math.Min(host.Width, 120) : 80;

    /// <summary>What characters the reader understands.</summary>
    public System.Text.Encoding Characters => host.Characters;

    public void Line(string text = "") => host.Out.WriteLine(Printable.Clean(text));

    public void Title(string text) => Styled(text, Heading);

    public void Success(string text) => Styled(text, Good);

    public void Failure(string text) => Styled(text, Bad);

    public void Remark(string text) => Styled(text, Quiet);

    /// <summary>A line of stretches in colours of their own.</summary>
    public void Stretches(IEnumerable<(string Text, Color Color)> stretches)
    {
        if (!host.Colors)
        {
            Line(string.Concat(stretches.Select(stretch => stretch.Text)));
            return;
        }
        var line = new Paragraph { Overflow = Overflow.Fold };
        foreach (var (text, color) in stretches)
        {
            line.Append(Printable.Clean(text), new Style(color));
        }
        Render(line);
    }

    /// <summary>A heading that fills the line.</summary>
    public void Rule(string title)
    {
        var width = Math.Min(host.Width, 80);
        Styled($"── {title} ".PadRight(width, '─'), Quiet);
    }

    /// <summary>Names and values, aligned; what has no value is left out.</summary>
    public void Pairs(params ReadOnlySpan<(string Name, string? Value)> pairs)
    {
        var width = 0;
        foreach (var (name, value) in pairs)
        {
            width = value is null ? width : Math.Max(width, name.Length);
        }
        foreach (var (name, value) in pairs)
        {
            if (value is not null)
            {
                Line($"{name.PadRight(width)}  {value}");
            }
        }
    }

    /// <summary>A table that fits the terminal; a file or a pipe gets every cell whole, on one line a row.</summary>
    public void Table(IReadOnlyList<Column> columns, IEnumerable<IReadOnlyList<string>> rows, bool framed = false)
    {
        var table = new Table { Border = framed ? TableBorder.Horizontal : TableBorder.None, UseSafeBorder = false };
        foreach (var column in columns)
        {
            var tableColumn = new TableColumn(new Text(column.Title, Heading)) { NoWrap = !column.Wrap };
            tableColumn.Padding = framed ? new Padding(0, 0, 1, 0) : new Padding(0, 0, 2, 0);
            tableColumn.Alignment = column.Right ? Justify.Right : Justify.Left;
            table.AddColumn(tableColumn);
        }
        foreach (var row in rows)
        {
            table.AddRow(row.Select(cell => new Text(Printable.Clean(cell))));
        }
        Render(table);
    }

    private void Styled(string text, Style style)
    {
        if (host.Colors)
        {
            Render(new Text(Printable.Clean(text), style) { Overflow = Overflow.Fold });
            return;
        }
        Line(text);
    }

    private void Render(Spectre.Console.Rendering.IRenderable renderable)
    {
        var text = new StringWriter { NewLine = "\n" };
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = host.Colors ? AnsiSupport.Yes : AnsiSupport.No,
            ColorSystem = host.Colors ? ColorSystemSupport.Standard : ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });
        console.Profile.Width = host.Width;
        console.Profile.Capabilities.Unicode = true;
        console.Write(renderable);
        // Spectre pads the last column; a line that ends in blanks wraps in a narrow terminal and litters a file.
        foreach (var line in text.ToString().TrimEnd('\n').Split('\n'))
        {
            host.Out.WriteLine(line.TrimEnd());
        }
    }
}
