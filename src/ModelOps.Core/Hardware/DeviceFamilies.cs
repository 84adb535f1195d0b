using System.Text.RegularExpressions;

namespace ModelOps.Hardware;

/// <summary>The family of a device from what drivers call it, the only thing that a machine file, a backend and every inventory have in common.</summary>
internal static class DeviceFamilies
{
    // First match wins, so the telling words of a maker come before the word for all of it. Names of PCI devices that a list of names did not have end in
    // their id ("AMD GPU 744c", "Intel GPU e20b"); those are matched as well.
    private static readonly (Regex Name, DeviceFamily Family)[] Table =
    [
        (Word(@"llvmpipe|lavapipe|swiftshader|basic render"), DeviceFamily.Cpu),
        (Word(@"\bTesla K\d\d|\bGTX (6[5-9]0|7[678]0)\b|Quadro K\d"), DeviceFamily.NvidiaKepler),
        (Word(@"\bTesla M\d|\bGTX (745|750|9[5-8]0)|Quadro M\d"), DeviceFamily.NvidiaMaxwell),
        (Word(@"\bTesla P\d|\bP(4|40|100)\b|\bGTX 10\d0|\bGT 1030|Quadro (P|GP)\d|TITAN X[p ]|\bMX[1-3][1-5]0"), DeviceFamily.NvidiaPascal),
        (Word(@"\bV100|TITAN V\b|Quadro GV100"), DeviceFamily.NvidiaVolta),
        (Word(@"\bRTX 50[5-9]0|\bRTX PRO \d|Blackwell|\bG?B[123]00\b|\bGB10\b|\bThor\b"), DeviceFamily.NvidiaBlackwell),
        (Word(@"\bRTX 40[5-9]0|\bRTX \d000( SFF)? Ada|\bL4\b|\bL40S?\b"), DeviceFamily.NvidiaAda),
        (Word(@"\bGTX 16[56]0|\bRTX 20[678]0|Quadro (RTX|T)|\bT4\b|\bT[1246]00\b|\bT1000\b|TITAN RTX|\bRTX [34568]000\b|\bMX[45]50"), DeviceFamily.NvidiaTuring),
        (Word(@"\bG?H(100|200|20|800)\b"), DeviceFamily.NvidiaHopper),
        (Word(@"\bRTX 30[5-9]0|\bRTX A\d|\bA(2|10|10G|16|30|40|100|800)\b(?!-\d{4})|\bOrin\b"), DeviceFamily.NvidiaAmpere),
        (Word(@"NVIDIA|CUDA|GeForce|Quadro|Tesla|\bRTX\b|\bGTX\b"), DeviceFamily.Nvidia),
        (Word(@"\bMI(100|2\d0X?|3\d\d[AX]?)\b|AMD GPU (738[c-f]|740[8-f]|741[0-f]|74[ab][0-f]|75a[0-f])\b"), DeviceFamily.AmdCdna),
        (Word(@"\bRX 90[67]0|\bR9[67]00\b|GFX12|NAVI4|AMD GPU (755|759)[0-f]\b"), DeviceFamily.AmdRdna4),
        (Word(@"\bRX 7[6-9]\d0|\bW7[5-9]00|\b(7[46]0|780|8[468]0|890)M\b|\b80[456]0S\b|GFX11|NAVI3|Radeon 7[48]0M|AMD GPU (74[4-8][0-f]|15bf|15c8|1900|150e|1586)\b"), DeviceFamily.AmdRdna3),
        (Word(@"\bRX 6[3-9]\d0|\bW6[3-8]00|\bV620\b|\b6[168]0M\b|GFX103|NAVI2|AMD GPU (73[a-f][0-f]|74[23][0-f]|1681|164e|15[0d]6|163f)\b"), DeviceFamily.AmdRdna2),
        (Word(@"\bRX 5[3-7]00|\bW5[57]00|GFX101|NAVI1|AMD GPU (73[1-6][0-f])\b"), DeviceFamily.AmdRdna1),
        (Word(@"\bRX (4|5)[4-9]0\b|Vega|Radeon VII|\bMI(25|50|60|8)\b|Polaris|GFX9|AMD GPU (66a[0-f]|686[0-f]|687f|67[cde][0-f]|69[ae][0-f]|1636|1638|164c|15dd|15d8|15e7)\b"), DeviceFamily.AmdGcn),
        (Word(@"\bAMD\b|Radeon|Instinct|FirePro|\bROCm\d"), DeviceFamily.Amd),
        (Word(@"Arc\b.*\bB\d\d|Battlemage|BMG|Lunar Lake|Arc\b.*\b1[34]0V\b|Intel GPU (e2[0-2][0-f]|64[ab]0)\b"), DeviceFamily.IntelBattlemage),
        (Word(@"Arc\b.*\bA\d\d\d|Alchemist|DG2|Flex\b.*\b1[47]0|Intel.*\bArc\b|Intel GPU (569[0-f]|56[a-c][0-f]|7d[4-6d][0-f])\b"), DeviceFamily.IntelAlchemist),
        (Word(@"\bIntel\b|Iris|UHD Graphics|\bArc\b"), DeviceFamily.Intel),
        (Word(@"\bApple\b|\bMTL\d|^Metal\b"), DeviceFamily.Apple),
        (Word(@"Adreno|Snapdragon|Qualcomm"), DeviceFamily.Adreno),
    ];

    // Longer ones are no names; a machine file may hold anything.
    private const int LongestName = 256;

    /// <summary>The family of a device with this name.</summary>
    public static DeviceFamily Of(string? name, DeviceKind kind)
    {
        if (kind == DeviceKind.Cpu)
        {
            return DeviceFamily.Cpu;
        }
        name ??= "";
        name = name[..Math.Min(name.Length, LongestName)];
        return Table.FirstOrDefault(row => row.Name.IsMatch(name)).Family;
    }

    /// <summary>Whether a family is of NVIDIA's.</summary>
    public static bool IsNvidia(this DeviceFamily family) => family is >= DeviceFamily.Nvidia and <= DeviceFamily.NvidiaBlackwell;

    /// <summary>Whether a family is of AMD's.</summary>
    public static bool IsAmd(this DeviceFamily family) => family is >= DeviceFamily.Amd and <= DeviceFamily.AmdCdna;

    /// <summary>Whether a family is of Intel's.</summary>
    public static bool IsIntel(this DeviceFamily family) => family is >= DeviceFamily.Intel and <= DeviceFamily.IntelBattlemage;

    private static Regex Word(string pattern) => new(pattern, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);
}
