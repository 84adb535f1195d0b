using System.Runtime.InteropServices;
using Xunit;

namespace ModelOps.Tests.Quantization;

internal static partial class GgmlOracle
{
    /// <summary>
    /// On other processors compilers fuse multiplications and additions, and C leaves overflowing conversions open: ggml's own bytes
    /// differ there. Ours are the x86-64 ones everywhere.
    /// </summary>
    public static void RequireX64() => Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "ggml's reference bytes are those of x86-64");
}
