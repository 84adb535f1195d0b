using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace ModelOps.Hardware;

/// <summary>
/// GPUs on Windows through DXGI, which knows every maker's and how much of the memory Windows grants a process at the moment. COM by its function tables: three
/// interfaces, four methods (dxgi.h, dxgi1_4.h).
/// </summary>
[SupportedOSPlatform("windows")]
internal static unsafe partial class WindowsGraphics
{
    // Places in the function tables: IUnknown has three, IDXGIObject four more.
    private const int QueryInterface = 0, Release = 2, GetDesc1 = 10, EnumAdapters1 = 12, QueryVideoMemoryInfo = 14;
    private const uint SoftwareFlag = 2;
    private const int LocalSegment = 0;
    private const uint MostAdapters = 64;

    private static readonly Guid Factory1 = new("770aae78-f26f-4dba-a829-253c83d1b387");
    private static readonly Guid Adapter3 = new("645967a4-1392-4310-a798-8053ce3e93fd");

    [StructLayout(LayoutKind.Sequential)]
    private struct Description
    {
        public fixed char Name[128];
        public uint VendorId;
        public uint DeviceId;
        public uint SubsystemId;
        public uint Revision;
        public nuint DedicatedVideoMemory;
        public nuint DedicatedSystemMemory;
        public nuint SharedSystemMemory;
        public long Luid;
        public uint Flags;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct VideoMemory
    {
        public ulong Budget;
        public ulong CurrentUsage;
        public ulong AvailableForReservation;
        public ulong CurrentReservation;
    }

    [LibraryImport("dxgi.dll")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
    private static partial int CreateDXGIFactory1(Guid* interfaceId, nint* factory);

    /// <summary>The adapters; null where DXGI does not answer (a session without a display driver), so that another source is asked.</summary>
    public static IReadOnlyList<Device>? Read(long freeMemoryBytes)
    {
        nint factory;
        var factoryId = Factory1;
        try
        {
            if (CreateDXGIFactory1(&factoryId, &factory) < 0)
            {
                return null;
            }
        }
        catch (Exception exception) when (exception is DllNotFoundException or EntryPointNotFoundException)
        {
            // Server Core has none.
            return null;
        }
        try
        {
            var devices = new List<Device>();
            nint adapter;
            for (uint index = 0; index < MostAdapters && ((delegate* unmanaged[Stdcall]<nint, uint, nint*, int>)Method(factory, EnumAdapters1))(factory, index, &adapter) >= 0; index++)
            {
                if (ReadAdapter(adapter, freeMemoryBytes) is { } device)
                {
                    devices.Add(device);
                }
                Free(adapter);
            }
            return devices;
        }
        finally
        {
            Free(factory);
        }
    }

    private static Device? ReadAdapter(nint adapter, long freeMemoryBytes)
    {
        Description description;
        if (((delegate* unmanaged[Stdcall]<nint, Description*, int>)Method(adapter, GetDesc1))(adapter, &description) < 0)
        {
            return null;
        }
        return WindowsRecords.Adapter(new string(description.Name), description.VendorId, (description.Flags & SoftwareFlag) != 0, (long)description.DedicatedVideoMemory,
            (long)description.SharedSystemMemory, Granted(adapter), freeMemoryBytes, NvidiaManagement.IsInstalled);
    }

    /// <summary>What Windows grants this process of the memory that the adapter lives in, less what it uses already; null before Windows 10.</summary>
    private static long? Granted(nint adapter)
    {
        nint third;
        var id = Adapter3;
        if (((delegate* unmanaged[Stdcall]<nint, Guid*, nint*, int>)Method(adapter, QueryInterface))(adapter, &id, &third) < 0)
        {
            return null;
        }
        VideoMemory memory;
        var result = ((delegate* unmanaged[Stdcall]<nint, uint, int, VideoMemory*, int>)Method(third, QueryVideoMemoryInfo))(third, 0, LocalSegment, &memory);
        Free(third);
        return result < 0 ? null : Math.Max(0, (long)memory.Budget - (long)memory.CurrentUsage);
    }

    private static nint Method(nint instance, int place) => (*(nint**)instance)[place];

    private static void Free(nint instance) => ((delegate* unmanaged[Stdcall]<nint, uint>)Method(instance, Release))(instance);
}
