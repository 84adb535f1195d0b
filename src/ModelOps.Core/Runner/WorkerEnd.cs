namespace ModelOps.Runner;

/// <summary>What is said of a child that has ended before its call had.</summary>
internal static class WorkerEnd
{
    /// <summary>The error of a call whose child has ended.</summary>
    /// <param name="how">How it ended.</param>
    /// <param name="lastWords">What it said.</param>
    /// <param name="during">What it was doing.</param>
    public static ModelOpsException Error(string how, LastWords lastWords, string during)
        => new(ErrorKind.EngineCrashed, $"The worker process ended {during}: {how}.{lastWords}",
            "The model may be damaged, too large for this machine, or beyond this version of the engine. Nothing else was harmed: the next call starts a new worker.");

    /// <summary>An exit code in words; .NET gives a Unix signal as 128 + its number.</summary>
    public static string Describe(int exitCode) => exitCode switch
    {
        _ when OperatingSystem.IsWindows() => $"exit code 0x{exitCode:X8}",
        128 + 4 => "signal SIGILL, an instruction this processor does not have",
        128 + 6 => "signal SIGABRT, the engine gave up",
        128 + 7 => "signal SIGBUS",
        128 + 8 => "signal SIGFPE",
        128 + 9 => "signal SIGKILL, which the system sends when memory runs out",
        128 + 11 => "signal SIGSEGV",
        128 + 24 => "signal SIGXCPU, the processor time it was allowed is used up",
        128 + 31 => "signal SIGSYS, a system call that is forbidden here",
        > 128 and < 192 => $"signal {exitCode - 128}",
        _ => $"exit code {exitCode}",
    };
}
