namespace ModelOps.Conversion;

/// <summary>A Granite 4 with attention in every layer.</summary>
/// <param name="hasExperts">Whether it has experts.</param>
internal sealed class GraniteHybridAttention(bool hasExperts) : GraniteHybrid
{
    public override string Name => hasExperts ? "granitemoe" : "granite";
}
