using System.Runtime.InteropServices;
using ModelOps.Cli;

// The first Ctrl+C (or SIGTERM) asks the work to stop and tidy up; the second is left to the system, which ends the process.
using var cancellation = new CancellationTokenSource();
var host = CliHost.OfThisProcess();
void Interrupt(PosixSignalContext signal)
{
    if (host.Interrupts.TryHandle())
    {
        signal.Cancel = true;
        return;
    }
    Stop(signal);
}

void Stop(PosixSignalContext signal)
{
    if (!cancellation.IsCancellationRequested)
    {
        signal.Cancel = true;
        cancellation.Cancel();
    }
}

using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Interrupt);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
return await CommandLine.InvokeAsync(args, host, cancellation.Token);
