namespace ModelOps.Hardware;

/// <summary>
/// The cards. Bandwidths are the makers' specifications in GB/s (10^9). The measurements are llama.cpp's scoreboards (discussions 15013, 15021, 10879 and, for
/// Apple, 4167: tg128 and pp512 of Llama 2 7B in Q4_0 without flash attention, copies read on 2026-08-12).
/// </summary>
internal static class GraphicsCardTable
{
    public static IReadOnlyList<GraphicsCard> Rows { get; } =
    [
        // Blackwell
        Card("RTX 5090", 1792, 290.0, 14073), Card("RTX 5080", 960, 182.0, 8297), Card("RTX 5070 Ti", 896, 176.9, 6952), Card("RTX 5070", 672, 127.5, 5185),
        Card("RTX 5060 Ti", 448, 90.9, 3737), Card("RTX 5060", 448), Card("RTX 5050", 320),
        Card("RTX 5090 Laptop", 896), Card("RTX 5080 Laptop", 896), Card("RTX 5070 Ti Laptop", 672), Card("RTX 5070 Laptop", 384), Card("RTX 5060 Laptop", 384),
        Card("RTX PRO 6000 Blackwell", 1792), Card("RTX PRO 6000 Blackwell Max Q", 1792, 260.4, 12742), Card("RTX PRO 5000 Blackwell", 1344),
        Card("RTX PRO 4500 Blackwell", 896), Card("RTX PRO 4000 Blackwell", 672, 131.7), Card("GB10", 273, 57.2, 3062), Stacked("B200", 8000),
        // Ada
        Card("RTX 4090", 1008, 186.2, 11993), Card("RTX 4090 D", 1008, 189.3), Card("RTX 4080 SUPER", 736, 148.3, 8125), Card("RTX 4080", 717, 142.5),
        Card("RTX 4070 Ti SUPER", 672, 132.3, 6925), Card("RTX 4070 Ti", 504), Card("RTX 4070 SUPER", 504), Card("RTX 4070", 504), Card("RTX 4060 Ti", 288), Card("RTX 4060", 272),
        Card("RTX 4090 Laptop", 576), Card("RTX 4080 Laptop", 432), Card("RTX 4070 Laptop", 256), Card("RTX 4060 Laptop", 256), Card("RTX 4050 Laptop", 192),
        Card("RTX 6000 Ada", 960, 176.1, 9229), Card("RTX 5000 Ada", 576), Card("RTX 4500 Ada", 432), Card("RTX 4000 Ada", 360), Card("RTX 4000 SFF Ada", 280), Card("RTX 2000 Ada", 224),
        Card("L40", 864, 152.0), Card("L40S", 864), Card("L4", 300),
        // Hopper
        Stacked("H100 80GB HBM3", 3350), Stacked("H100 SXM5", 3350), Stacked("H100 PCIe", 2039), Stacked("H100 NVL", 3938), Stacked("H200", 4800), Stacked("H20", 4000), Stacked("GH200 480GB", 4000),
        // Ampere
        Card("RTX 3090 Ti", 1008, 171.2), Card("RTX 3090", 936, 158.2, 5175), Card("RTX 3080 Ti", 912), Card("RTX 3080", 760), Card("RTX 3070 Ti", 608), Card("RTX 3070", 448),
        Card("RTX 3060 Ti", 448), Card("RTX 3060", 360, 75.6, 2138), Card("RTX 3050", 224), Card("RTX 3080 Laptop", 448), Card("RTX 3070 Laptop", 448), Card("RTX 3060 Laptop", 336),
        Card("RTX A6000", 768, 138.7, 4914), Card("RTX A5500", 768), Card("RTX A5000", 768, 130.1), Card("RTX A4500", 640), Card("RTX A4000", 448), Card("RTX A2000", 288),
        Card("A40", 696, 124.1), Stacked("A30", 933, 124.8), Card("A10", 600), Card("A10G", 600), Card("A16", 200), Card("A2", 200),
        Stacked("A100 SXM4 80GB", 2039), Stacked("A100 SXM4 40GB", 1555), Stacked("A100 PCIE 40GB", 1555), Stacked("A100 80GB PCIe", 1935),
        // Turing
        Card("RTX 8000", 672, 102.7), Card("Quadro RTX 6000", 672), Card("Quadro RTX 5000", 448), Card("Quadro RTX 4000", 416), Card("TITAN RTX", 672), Card("RTX 2080 Ti", 616),
        Card("RTX 2080 SUPER", 496), Card("RTX 2080", 448), Card("RTX 2070 SUPER", 448), Card("RTX 2070", 448), Card("RTX 2060 SUPER", 448), Card("RTX 2060", 336),
        Card("GTX 1660 Ti", 288), Card("GTX 1660 SUPER", 336), Card("GTX 1660", 192), Card("GTX 1650", 128), Card("T4", 320), Card("T1000", 160), Card("T600", 160), Card("T400", 80),
        // Volta, Pascal, Maxwell, Kepler
        Card("V100", 900, 129.1, 3043), Card("TITAN V", 653), Card("GTX 1080 Ti", 484), Card("GTX 1080", 320), Card("GTX 1070 Ti", 256), Card("GTX 1070", 256), Card("GTX 1060", 192),
        Card("P40", 346, 54.7, 1007), Card("P4", 192), Card("P100", 732), Card("M40", 288, 38.0), Card("K80", 240, 13.8),
        // RDNA 4, 3, 2, 1
        Card("RX 9070 XT", 640, 101.3, 5055), Card("RX 9070", 640, 114.5), Card("RX 9060 XT", 320), Card("AI PRO R9700", 640, 93.8),
        Card("RX 7900 XTX", 960, 167.1, 3552), Card("RX 7900 XT", 800), Card("RX 7900 GRE", 576), Card("RX 7800 XT", 624), Card("RX 7700 XT", 432), Card("RX 7600 XT", 288), Card("RX 7600", 288),
        Card("PRO W7900", 864, 121.2), Card("PRO W7800", 576), Card("8060S", 256), Card("780M", 90, 19.6),
        Card("RX 6950 XT", 576), Card("RX 6900 XT", 512), Card("RX 6800 XT", 512), Card("RX 6800", 512), Card("RX 6750 XT", 432), Card("RX 6700 XT", 384), Card("RX 6650 XT", 280),
        Card("RX 6600 XT", 256), Card("RX 6600", 224), Card("PRO V620", 512, 74.7), Card("RX 5700 XT", 448), Card("RX 5700", 448),
        // CDNA and GCN
        Card("MI325X", 6000), Card("MI300X", 5300, 232.9, 11476), Card("MI210", 1638, 124.5), Card("MI100", 1228, 110.5), Card("MI60", 1024, 91.5), Card("MI50", 1024, 99.0),
        Card("Radeon VII", 1024), Card("RX Vega 64", 484), Card("RX Vega 56", 410),
        // Battlemage, Alchemist
        Card("Arc B580", 456, 70.1, 621), Card("Arc B570", 380), Card("Arc A770", 560, 45), Card("Arc A750", 512), Card("Arc A580", 512), Card("Arc A380", 186),
        // Apple's chips; of those sold in two widths the narrower, and those that were measured by their GPU cores.
        Card("Apple M1", 68, 14.15, 118), Card("Apple M1 Pro", 200), Card("Apple M1 Max", 400), Card("Apple M1 Ultra", 800),
        Card("Apple M2", 100, 21.9, 180), Card("Apple M2 Pro", 200, 37.9, 294), Card("Apple M2 Max", 400, 61.0, 538), Card("Apple M2 Ultra", 800),
        Card("Apple M2 Ultra 60 core", 800, 88.6, 1014), Card("Apple M2 Ultra 76 core", 800, 94.3, 1238), Card("Apple M3", 100), Card("Apple M3 Pro", 150, 30.7, 342),
        Card("Apple M3 Max", 300), Card("Apple M3 Ultra", 819), Card("Apple M4", 120, 24.1, 221), Card("Apple M4 Pro", 273, 50.7, 440), Card("Apple M4 Max", 410),
        Card("Apple M4 Max 40 core", 546, 83.1, 886), Card("Apple M5", 153),
    ];

    private static GraphicsCard Card(string name, double gigabytesPerSecond, double? generation = null, double? prompt = null) => new(name, gigabytesPerSecond * 1e9, generation, prompt, Stacked: false);

    // Only where others of the family are not: MI and V100 have families of their own.
    private static GraphicsCard Stacked(string name, double gigabytesPerSecond, double? generation = null, double? prompt = null) => new(name, gigabytesPerSecond * 1e9, generation, prompt, Stacked: true);
}
