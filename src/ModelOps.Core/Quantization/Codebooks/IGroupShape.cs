namespace ModelOps.Quantization;

/// <summary>How many codes of how many bits make a pattern; kernels are generic over it, so that both are constants to them.</summary>
internal interface IGroupShape
{
    /// <summary>Weights of a group: 4 or 8.</summary>
    static abstract int Weights { get; }

    /// <summary>Bits of a code.</summary>
    static abstract int Bits { get; }
}

/// <summary>4 codes of 3 bits.</summary>
internal readonly struct Quartet : IGroupShape
{
    public static int Weights => 4;

    public static int Bits => 3;
}

/// <summary>8 codes of 2 bits.</summary>
internal readonly struct Octet : IGroupShape
{
    public static int Weights => 8;

    public static int Bits => 2;
}
