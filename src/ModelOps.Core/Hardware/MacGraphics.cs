using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace ModelOps.Hardware;

/// <summary>The GPU of an Apple chip as Metal tells it: what it may wire of the unified memory, a limit of the user's (iogpu.wired_limit_mb) counted in.</summary>
[SupportedOSPlatform("macos")]
internal static unsafe partial class MacGraphics
{
    // Without CoreGraphics in the process there is no default device.
    private const string CoreGraphics = "/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics";
    private const string Metal = "/System/Library/Frameworks/Metal.framework/Metal";

    [LibraryImport(Metal)]
    private static partial nint MTLCreateSystemDefaultDevice();

    [LibraryImport("/usr/lib/libobjc.dylib", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint sel_registerName(string name);

    [LibraryImport("/usr/lib/libobjc.dylib", EntryPoint = "objc_msgSend")]
    private static partial ulong SendForNumber(nint receiver, nint selector);

    /// <summary>The GPU; null where Metal gives none, as over SSH to a machine that nobody is logged in to.</summary>
    public static Device? Read(string chip, long freeMemoryBytes)
    {
        if (!NativeLibrary.TryLoad(CoreGraphics, out _) || !NativeLibrary.TryLoad(Metal, out _) || MTLCreateSystemDefaultDevice() is var device && device == 0)
        {
            return null;
        }
        var most = (long)SendForNumber(device, sel_registerName("recommendedMaxWorkingSetSize"));
        var used = (long)SendForNumber(device, sel_registerName("currentAllocatedSize"));
        SendForNumber(device, sel_registerName("release"));
        return most <= 0 ? null : new Device($"{chip} GPU", DeviceKind.IntegratedGpu, most, Math.Clamp(Math.Min(most - used, freeMemoryBytes), 0, most), AppleChip.Bandwidth(chip));
    }
}
