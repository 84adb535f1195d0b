using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>Who asks, for a fair share: a key, else an address. The key itself is nowhere in it.</summary>
internal static class ClientName
{
    private static readonly object Slot = new();

    public static void SetKey(HttpContext context, int number) => context.Items[Slot] = "key " + number.ToString(CultureInfo.InvariantCulture);

    public static string Of(HttpContext context) => context.Items[Slot] as string ?? context.Connection.RemoteIpAddress?.ToString() ?? "";
}
