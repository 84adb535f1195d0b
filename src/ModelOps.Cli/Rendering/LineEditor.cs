using System.Text;

namespace ModelOps.Cli.Rendering;

/// <summary>A line typed at the terminal, with the keys that people expect, and the lines before it. Spectre.Console's prompt has neither.</summary>
internal sealed class LineEditor
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(15);
    private readonly List<string> _history = [];
    private StringBuilder _line = new();
    private int _at;
    private int _shown;

    /// <summary>Reads a line; null at Ctrl+D on an empty one.</summary>
    /// <exception cref="OperationCanceledException">Ctrl+C.</exception>
    public string? Read(string prompt, CancellationToken cancellationToken)
    {
        (_line, _at, _shown) = (new StringBuilder(), 0, 0);
        var recalled = _history.Count;
        Draw(prompt);
        while (true)
        {
            while (!Console.KeyAvailable)
            {
                cancellationToken.ThrowIfCancellationRequested();
                Thread.Sleep(Pause);
            }
            var key = Console.ReadKey(intercept: true);
            switch (key)
            {
                case { Key: ConsoleKey.Enter }:
                    _at = _line.Length;
                    Draw(prompt);
                    Console.Error.WriteLine();
                    var text = _line.ToString();
                    if (text.Length > 0 && (_history.Count == 0 || _history[^1] != text))
                    {
                        _history.Add(text);
                    }
                    return text;
                case { Key: ConsoleKey.D, Modifiers: ConsoleModifiers.Control } when _line.Length == 0:
                    Console.Error.WriteLine();
                    return null;
                case { Key: ConsoleKey.UpArrow or ConsoleKey.DownArrow }:
                    recalled = Math.Clamp(recalled + (key.Key == ConsoleKey.UpArrow ? -1 : 1), 0, _history.Count);
                    _line.Clear().Append(recalled < _history.Count ? _history[recalled] : "");
                    _at = _line.Length;
                    break;
                default:
                    Edit(_line, ref _at, key);
                    break;
            }
            Draw(prompt);
        }
    }

    /// <summary>What a key does to a line.</summary>
    internal static void Edit(StringBuilder line, ref int at, ConsoleKeyInfo key)
    {
        switch (key)
        {
            case { Key: ConsoleKey.LeftArrow }:
                at = Math.Max(0, at - 1);
                break;
            case { Key: ConsoleKey.RightArrow }:
                at = Math.Min(line.Length, at + 1);
                break;
            case { Key: ConsoleKey.Home } or { Key: ConsoleKey.A, Modifiers: ConsoleModifiers.Control }:
                at = 0;
                break;
            case { Key: ConsoleKey.End } or { Key: ConsoleKey.E, Modifiers: ConsoleModifiers.Control }:
                at = line.Length;
                break;
            case { Key: ConsoleKey.Backspace } when at > 0:
                line.Remove(--at, 1);
                break;
            case { Key: ConsoleKey.Delete } when at < line.Length:
                line.Remove(at, 1);
                break;
            case { Key: ConsoleKey.U, Modifiers: ConsoleModifiers.Control }:
                line.Remove(0, at);
                at = 0;
                break;
            case { Key: ConsoleKey.K, Modifiers: ConsoleModifiers.Control }:
                line.Length = at;
                break;
            case { Key: ConsoleKey.W, Modifiers: ConsoleModifiers.Control }:
                var word = line.ToString(0, at).TrimEnd().LastIndexOf(' ') + 1;
                line.Remove(word, at - word);
                at = word;
                break;
            default:
                if (!char.IsControl(key.KeyChar))
                {
                    line.Insert(at++, key.KeyChar);
                }
                break;
        }
    }

    // Redrawn in place: of a line longer than the terminal, the part around the cursor.
    private void Draw(string prompt)
    {
        var room = Math.Max(8, (Console.WindowWidth is var width and > 0 ? width : 80) - prompt.Length - 1);
        var first = Math.Max(0, _at - room);
        var part = Printable.Clean(_line.ToString(first, Math.Min(room, _line.Length - first))).Replace('\t', ' ').Replace('\n', ' ');
        Console.Error.Write('\r' + prompt + part + new string(' ', Math.Max(0, _shown - part.Length)));
        Console.Error.Write('\r' + prompt + part[..(_at - first)]);
        _shown = part.Length;
    }
}
