using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace ModelOps.Engine;

/// <summary>
/// What llama.cpp complains of. Its C API says only that something failed; why, it tells the log callback, on the calling thread. So the
/// warnings and errors are kept per thread, for the exception.
/// </summary>
internal static unsafe class EngineLog
{
    private const int Capacity = 12;
    private const int Warning = 3;
    private const int Continuation = 5;

    [ThreadStatic]
    private static List<string>? _lines;

    [ThreadStatic]
    private static bool _keeping;

    [ThreadStatic]
    private static StringBuilder? _record;

    /// <summary>To be given to <c>llama_log_set</c>.</summary>
    public static delegate* unmanaged[Cdecl]<int, byte*, nint, void> Callback => &Write;

    /// <summary>Forgets the complaints of this thread; call before an operation whose failure is to be explained.</summary>
    public static void Clear() => _lines?.Clear();

    /// <summary>Does something and gives back all that the engine said meanwhile on this thread, at every level.</summary>
    public static string Record(Action action)
    {
        _record = new StringBuilder();
        try
        {
            action();
            return _record.ToString();
        }
        finally
        {
            _record = null;
        }
    }

    /// <summary>The complaints of this thread, oldest first.</summary>
    public static string Complaints() => _lines is { Count: > 0 } lines ? string.Join('\n', lines.Select(line => line.TrimEnd())) : "";

    /// <summary>A sentence for an exception: what failed, then the last thing the engine said of it.</summary>
    public static string Explain(string what)
    {
        string complaints = Complaints();
        return complaints.Length == 0 ? what : $"{what} llama.cpp says: {complaints}";
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Write(int level, byte* text, nint data)
    {
        _record?.Append(Marshal.PtrToStringUTF8((nint)text));
        if (level != Continuation)
        {
            _keeping = level is >= Warning and < Continuation;
        }
        if (!_keeping)
        {
            return;
        }
        List<string> lines = _lines ??= [];
        string piece = Marshal.PtrToStringUTF8((nint)text) ?? "";
        if (level == Continuation && lines.Count > 0)
        {
            lines[^1] += piece;
            return;
        }
        if (lines.Count == Capacity)
        {
            lines.RemoveAt(0);
        }
        lines.Add(piece);
    }
}
