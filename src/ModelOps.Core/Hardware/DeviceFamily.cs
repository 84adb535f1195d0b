using System.Text.Json.Serialization;

namespace ModelOps;

/// <summary>Generations of processors that share how well they use their memory's bandwidth; by name in JSON.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<DeviceFamily>))]
public enum DeviceFamily
{
    /// <summary>The name tells nothing.</summary>
    Unknown,
    /// <summary>A processor with the main memory, or a renderer that runs on one.</summary>
    Cpu,
    /// <summary>NVIDIA's, of a generation that the name does not tell.</summary>
    Nvidia,
    /// <summary>Tesla K, GeForce 600 and 700.</summary>
    NvidiaKepler,
    /// <summary>Tesla M, GeForce 900.</summary>
    NvidiaMaxwell,
    /// <summary>Tesla P, GeForce 10.</summary>
    NvidiaPascal,
    /// <summary>V100, Titan V.</summary>
    NvidiaVolta,
    /// <summary>GeForce 16 and RTX 20, Quadro RTX, T4.</summary>
    NvidiaTuring,
    /// <summary>GeForce RTX 30, RTX A, A10 to A100.</summary>
    NvidiaAmpere,
    /// <summary>GeForce RTX 40, RTX Ada, L4, L40.</summary>
    NvidiaAda,
    /// <summary>H100, H200, GH200.</summary>
    NvidiaHopper,
    /// <summary>GeForce RTX 50, RTX PRO Blackwell, B200, GB10.</summary>
    NvidiaBlackwell,
    /// <summary>AMD's, of a generation that the name does not tell.</summary>
    Amd,
    /// <summary>Radeon RX 400 to Vega, Radeon VII, Instinct MI25 to MI60, and Vega inside processors.</summary>
    AmdGcn,
    /// <summary>Radeon RX 5000.</summary>
    AmdRdna1,
    /// <summary>Radeon RX 6000, 680M.</summary>
    AmdRdna2,
    /// <summary>Radeon RX 7000, 780M to 8060S.</summary>
    AmdRdna3,
    /// <summary>Radeon RX 9000, AI PRO R9700.</summary>
    AmdRdna4,
    /// <summary>Instinct MI100 to MI355X.</summary>
    AmdCdna,
    /// <summary>Intel's, of a generation that the name does not tell, most of them inside processors.</summary>
    Intel,
    /// <summary>Arc A (Alchemist), Flex, and the cards' architecture inside Core Ultra.</summary>
    IntelAlchemist,
    /// <summary>Arc B (Battlemage), Arc Pro B, and Lunar Lake.</summary>
    IntelBattlemage,
    /// <summary>Apple's M chips.</summary>
    Apple,
    /// <summary>Qualcomm's Adreno.</summary>
    Adreno,
}
