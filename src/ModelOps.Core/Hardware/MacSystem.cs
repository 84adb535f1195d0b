using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace ModelOps.Hardware;

/// <summary>macOS: sysctl, and the Mach host's page counts for what is free.</summary>
[SupportedOSPlatform("macos")]
internal static unsafe partial class MacSystem
{
    private const int HostVmInfo64 = 4;

    // vm_statistics64 (mach/vm_statistics.h): natural_t counts of free, active, inactive, wired pages come first. Its length in integers.
    private const int VmStatisticsLength = 40;

    [LibraryImport("libSystem.dylib", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int sysctlbyname(string name, byte* value, nuint* length, byte* newValue, nuint newLength);

    [LibraryImport("libSystem.dylib")]
    private static partial uint mach_host_self();

    [LibraryImport("libSystem.dylib")]
    private static partial int host_statistics64(uint host, int flavor, uint* information, uint* count);

    public static SystemFacts Read()
    {
        var memory = Number("hw.memsize")
            ?? throw new ModelOpsException(ErrorKind.Failure, "macOS does not say how much memory it has: sysctl hw.memsize failed.");
        var chip = Text("machdep.cpu.brand_string") ?? RuntimeInformation.ProcessArchitecture.ToString();
        var free = Math.Min(memory, FreeBytes() ?? memory);
        var bandwidth = AppleChip.Bandwidth(chip);
        IReadOnlyList<Device> gpus = RuntimeInformation.ProcessArchitecture == Architecture.Arm64
            ? [MacGraphics.Read(chip, free) ?? AppleChip.Gpu(chip, memory, free, Number("iogpu.wired_limit_mb") ?? 0)]
            : [];
        return new SystemFacts(
            $"macOS {Text("kern.osproductversion") ?? Environment.OSVersion.Version.ToString()}",
            chip, (int)(Number("hw.physicalcpu") ?? Environment.ProcessorCount), memory, free, bandwidth, gpus)
        {
            PerformanceCores = Number("hw.nperflevels") > 1 ? (int?)Number("hw.perflevel0.physicalcpu") : null,
        };
    }

    /// <summary>Pages that are free or can be had for the asking: free, inactive and speculative ones (the last are counted as free).</summary>
    private static long? FreeBytes()
    {
        var counts = stackalloc uint[VmStatisticsLength];
        uint length = VmStatisticsLength;
        if (host_statistics64(mach_host_self(), HostVmInfo64, counts, &length) != 0)
        {
            return null;
        }
        const int Free = 0, Inactive = 2;
        return ((long)counts[Free] + counts[Inactive]) * Environment.SystemPageSize;
    }

    private static long? Number(string name)
    {
        long value = 0;
        nuint length = sizeof(long);
        // Some values have 32 bits; the rest stays zero on these little-endian machines.
        return sysctlbyname(name, (byte*)&value, &length, null, 0) == 0 ? value : null;
    }

    private static string? Text(string name)
    {
        const int Length = 256;
        var bytes = stackalloc byte[Length];
        nuint length = Length;
        return sysctlbyname(name, bytes, &length, null, 0) == 0 ? Marshal.PtrToStringUTF8((nint)bytes) : null;
    }
}
