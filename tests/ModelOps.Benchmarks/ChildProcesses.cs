using System.Runtime.InteropServices;

namespace ModelOps.Benchmarks;

/// <summary>Processor time of all processes that this one started, and those they started, once they have ended (getrusage).</summary>
internal static class ChildProcesses
{
    private const int RusageChildren = -1;

    public static double ProcessorSeconds => getrusage(RusageChildren, out Usage usage) == 0 ? usage.User.Seconds + usage.System.Seconds : double.NaN;

    [DllImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int getrusage(int who, out Usage usage);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TimeValue
    {
        private readonly nint _seconds;
        private readonly nint _microseconds;

        public double Seconds => _seconds + (_microseconds / 1e6);
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Usage
    {
        public readonly TimeValue User;
        public readonly TimeValue System;
        private readonly Rest _rest;
    }

    /// <summary>Fourteen counts that nobody asks for here.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Rest
    {
        private readonly nint _0, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13;
    }
}
