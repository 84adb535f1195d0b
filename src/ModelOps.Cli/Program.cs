using System.Runtime.InteropServices;
using ModelOps.Cli;

// The first Ctrl+C (or SIGTERM) asks the work to stop and tidy up; the second is left to the system, which ends the process.
using var cancellation = new CancellationTokenSource();
void Stop(PosixSignalContext signal)
{
    if (!cancellation.IsCancellationRequested)
    {
        signal.Cancel = true;
        cancellation.Cancel();
    }
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
return await CommandLine.InvokeAsync(args, CliHost.OfThisProcess(), cancellation.Token);
