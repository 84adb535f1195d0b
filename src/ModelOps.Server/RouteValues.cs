using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace ModelOps.Server;

/// <summary>What the routes of repositories have in common: their names have an organisation, or, the oldest ones, none.</summary>
internal static class RouteValues
{
    private static readonly string[] Reading = [HttpMethods.Get, HttpMethods.Head];

    /// <summary>Maps a pattern that names a repository as <c>{name}</c>, for both kinds of names.</summary>
    public static void MapRepository(this IEndpointRouteBuilder routes, string pattern, Delegate handler, params string[] methods)
    {
        foreach (string name in (string[])["{org}/{repo}", "{repo}"])
            routes.MapMethods(pattern.Replace("{name}", name, StringComparison.Ordinal), methods.Length == 0 ? Reading : methods, handler);
    }

    public static string Repository(this HttpContext context) =>
        context.GetRouteValue("org") is string organisation ? $"{organisation}/{context.GetRouteValue("repo")}" : $"{context.GetRouteValue("repo")}";

    public static string Revision(this HttpContext context) => context.GetRouteValue("rev") is string revision ? Unslash(revision) : "main";

    public static string Path(this HttpContext context) => Unslash(context.GetRouteValue("path") as string ?? "");

    public static bool IsTrue(this IQueryCollection query, string key) => query[key].ToString() is "true" or "True" or "1";

    /// <summary>A value that is given and not empty, or null.</summary>
    public static string? Only(this IQueryCollection query, string key) => query[key].ToString() is { Length: > 0 } value ? value : null;

    // Undoes the one encoding that routing leaves alone, because it may matter to a router: %2F.
    private static string Unslash(string segment) => segment.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
