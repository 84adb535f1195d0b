using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32;

namespace ModelOps.Hardware;

/// <summary>Windows: kernel32 for memory and cores, the registry for names, and for GPUs where DXGI does not answer.</summary>
[SupportedOSPlatform("windows")]
internal static unsafe partial class WindowsSystem
{
    private const int RelationProcessorCore = 0;

    [StructLayout(LayoutKind.Sequential)]
    private struct MemoryStatus
    {
        public uint Length;
        public uint Load;
        public ulong TotalPhysical;
        public ulong AvailablePhysical;
        public ulong TotalPageFile;
        public ulong AvailablePageFile;
        public ulong TotalVirtual;
        public ulong AvailableVirtual;
        public ulong AvailableExtendedVirtual;
    }

    [LibraryImport("kernel32.dll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GlobalMemoryStatusEx(MemoryStatus* status);

    [LibraryImport("kernel32.dll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetLogicalProcessorInformationEx(int relationship, byte* buffer, uint* length);

    [LibraryImport("kernel32.dll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool QueryInformationJobObject(nint job, int informationClass, byte* information, uint length, uint* returned);

    public static SystemFacts Read()
    {
        var status = new MemoryStatus { Length = (uint)sizeof(MemoryStatus) };
        if (!GlobalMemoryStatusEx(&status))
        {
            throw new ModelOpsException(ErrorKind.Failure, $"Windows does not say how much memory it has (error {Marshal.GetLastPInvokeError()}).");
        }
        var (total, free) = ((long)status.TotalPhysical, (long)status.AvailablePhysical);
        if (JobLimit() is { } limit)
        {
            // A job's limit is on memory that is committed, of which this process has taken some.
            total = Math.Min(total, limit);
            free = Math.Min(free, Math.Max(0, limit - System.Diagnostics.Process.GetCurrentProcess().PrivateMemorySize64));
        }
        var cores = Cores();
        return new SystemFacts(
            RuntimeInformation.OSDescription,
            ProcessorName() ?? RuntimeInformation.ProcessArchitecture.ToString(),
            cores?.Cores ?? Environment.ProcessorCount,
            total,
            free,
            null,
            WindowsGraphics.Read(free) ?? Gpus(total, free))
        {
            PerformanceCores = cores?.Fast,
        };
    }

    /// <summary>The memory limit of the job that this process is in; null when there is none.</summary>
    private static long? JobLimit()
    {
        const int ExtendedLimitInformation = 9;
        var record = stackalloc byte[WindowsRecords.JobRecordLength];
        // A null handle means the job of the calling process; outside of any the call fails.
        return QueryInformationJobObject(0, ExtendedLimitInformation, record, WindowsRecords.JobRecordLength, null)
            ? WindowsRecords.JobLimit(new ReadOnlySpan<byte>(record, WindowsRecords.JobRecordLength))
            : null;
    }

    private static string? ProcessorName()
    {
        using var key = Registry.LocalMachine.OpenSubKey(@"HARDWARE\DESCRIPTION\System\CentralProcessor\0");
        return (key?.GetValue("ProcessorNameString") as string)?.Trim();
    }

    private static (int Cores, int? Fast)? Cores()
    {
        uint length = 0;
        // The first call only tells the length and is bound to fail.
        GetLogicalProcessorInformationEx(RelationProcessorCore, null, &length);
        if (length == 0)
        {
            return null;
        }
        var buffer = new byte[length];
        fixed (byte* start = buffer)
        {
            return GetLogicalProcessorInformationEx(RelationProcessorCore, start, &length) ? WindowsRecords.CountCores(buffer.AsSpan(0, (int)length)) : null;
        }
    }

    /// <summary>
    /// Display adapters of AMD and Intel, from their drivers' registry keys: <c>qwMemorySize</c> is 64 bits wide, unlike WMI's AdapterRAM, which stops at 4 GB.
    /// How much of it is free is not told there; all of it is assumed.
    /// </summary>
    private static List<Device> Gpus(long memoryBytes, long freeMemoryBytes)
    {
        var devices = new List<Device>();
        using var adapters = Registry.LocalMachine.OpenSubKey(@"SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}");
        foreach (var name in adapters?.GetSubKeyNames().Where(name => name.Length == 4 && name.All(char.IsAsciiDigit)) ?? [])
        {
            try
            {
                using var adapter = adapters!.OpenSubKey(name);
                if (adapter?.GetValue("DriverDesc") is string description
                    && adapter.GetValue("MatchingDeviceId") is string id
                    && WindowsRecords.Adapter(description, id, adapter.GetValue("HardwareInformation.qwMemorySize") as long? ?? 0, memoryBytes, freeMemoryBytes) is { } device)
                {
                    devices.Add(device);
                }
            }
            catch (System.Security.SecurityException)
            {
                // Some drivers close their key to ordinary users: then that adapter is not told of.
                continue;
            }
        }
        return devices;
    }
}
