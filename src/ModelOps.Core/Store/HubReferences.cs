using System.Text.Json.Nodes;

namespace ModelOps.Store;

/// <summary>Branches and tags in the words of the hub's API.</summary>
internal static class HubReferences
{
    private const string PullRequestPrefix = "refs/pr/";
    private static readonly string[] Kinds = ["branches", "converts", "tags", "pullRequests"];

    /// <summary>Those of a cache, which does not tell tags from branches: all but pull requests are called branches.</summary>
    public static JsonObject Of(IReadOnlyDictionary<string, string> commits)
    {
        ILookup<bool, KeyValuePair<string, string>> kinds = commits.ToLookup(entry => entry.Key.StartsWith(PullRequestPrefix, StringComparison.Ordinal));
        JsonArray List(bool pullRequests) => new([.. kinds[pullRequests].Select(entry =>
            Entry(pullRequests ? entry.Key[PullRequestPrefix.Length..] : entry.Key, pullRequests ? entry.Key : "refs/heads/" + entry.Key, entry.Value))]);
        return new JsonObject { ["branches"] = List(false), ["converts"] = new JsonArray(), ["tags"] = new JsonArray(), ["pullRequests"] = List(true) };
    }

    /// <summary>Upstream's, as far as they are what they should be.</summary>
    public static JsonObject Clean(JsonObject document)
    {
        var clean = new JsonObject();
        foreach (string kind in Kinds)
        {
            clean[kind] = new JsonArray([.. (document[kind] as JsonArray ?? []).OfType<JsonObject>()
                .Where(entry => Text(entry, "name") is not null && Text(entry, "ref") is not null && Text(entry, "targetCommit") is { } commit && StoreContents.IsCommit(commit))
                .Select(entry => Entry(Text(entry, "name")!, Text(entry, "ref")!, Text(entry, "targetCommit")!))]);
        }
        return clean;
    }

    private static JsonObject Entry(string name, string reference, string commit) => new() { ["name"] = name, ["ref"] = reference, ["targetCommit"] = commit };

    private static string? Text(JsonObject entry, string name) => entry[name] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
