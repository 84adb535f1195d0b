namespace ModelOps.PowerShell;

/// <summary>On, Off or Auto, as the cmdlets take it.</summary>
internal static class ThinkingWish
{
    public static bool? Read(string thinking) => thinking.ToUpperInvariant() switch
    {
        "ON" => true,
        "OFF" => false,
        _ => null,
    };
}
