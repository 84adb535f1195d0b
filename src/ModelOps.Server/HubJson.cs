using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace ModelOps.Server;

/// <summary>Repositories and files in the words of the hub's API.</summary>
internal static class HubJson
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>What a search says of a repository, and model info as well: the hub's own words where they are known.</summary>
    public static JsonObject Model(RepositoryFolder folder) => folder.Model is { } known ? JsonObject.Create(known)! : new()
    {
        // The hub's ids are 24 hex digits; here they follow from the name.
        ["_id"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(folder.Name)))[..24],
        ["id"] = folder.Name,
        ["modelId"] = folder.Name,
        ["author"] = folder.Author,
        ["private"] = false,
        ["gated"] = false,
        ["disabled"] = false,
        ["downloads"] = 0,
        ["likes"] = 0,
        ["trendingScore"] = 0,
        ["tags"] = Strings(folder.Tags),
        ["pipeline_tag"] = folder.Pipeline,
        ["library_name"] = folder.Library,
        ["lastModified"] = Time(folder.LastModified),
        ["createdAt"] = Time(folder.Created),
    };

    /// <summary>Model info; <paramref name="blobs"/> adds sizes and digests to the files.</summary>
    public static JsonObject Model(RepositorySnapshot snapshot, bool blobs)
    {
        JsonObject model = Model(snapshot.Folder);
        model["sha"] = snapshot.Commit;
        model["siblings"] = new JsonArray([.. snapshot.Files.Values.Select(file => Sibling(file, blobs))]);
        if (snapshot.Folder.Model is not null)
            return model;
        model["usedStorage"] = snapshot.Files.Values.Sum(file => file.Bytes);
        var card = new JsonObject();
        foreach ((string key, IReadOnlyList<string> values) in snapshot.Folder.Card.Values)
        {
            if (values.Count > 0)
                card[key] = snapshot.Folder.Card.Lists.Contains(key) ? Strings(values) : values[0];
        }
        model["cardData"] = card;
        model["config"] = new JsonObject
        {
            ["architectures"] = Strings(snapshot.Folder.Config.Architectures),
            ["model_type"] = snapshot.Folder.Config.ModelType,
        };
        model["spaces"] = new JsonArray();
        return model;
    }

    /// <summary>A file of a tree.</summary>
    public static JsonObject TreeFile(RepositorySnapshot snapshot, ServedFile file, bool expand)
    {
        var entry = new JsonObject { ["type"] = "file", ["oid"] = file.GitId, ["size"] = file.Bytes, ["path"] = file.Path };
        if (file.Sha256 is not null)
            entry["lfs"] = new JsonObject { ["oid"] = file.Sha256, ["size"] = file.Bytes, ["pointerSize"] = file.PointerBytes };
        if (expand)
        {
            entry["lastCommit"] = LastCommit(snapshot);
            // Nobody scanned it here, and a client must not read silence as "safe".
            entry["securityFileStatus"] = new JsonObject { ["status"] = "unscanned" };
        }
        return entry;
    }

    /// <summary>A folder of a tree.</summary>
    public static JsonObject TreeFolder(RepositorySnapshot snapshot, string path, string id, bool expand)
    {
        var entry = new JsonObject { ["type"] = "directory", ["oid"] = id, ["size"] = 0, ["path"] = path };
        if (expand)
            entry["lastCommit"] = LastCommit(snapshot);
        return entry;
    }

    private static JsonObject LastCommit(RepositorySnapshot snapshot) => new()
    {
        ["id"] = snapshot.Commit,
        ["title"] = "Served by ModelOps",
        ["date"] = Time(snapshot.Folder.LastModified),
    };

    private static JsonObject Sibling(ServedFile file, bool blobs)
    {
        var sibling = new JsonObject { ["rfilename"] = file.Path };
        if (blobs)
        {
            sibling["size"] = file.Bytes;
            sibling["blobId"] = file.GitId;
            if (file.Sha256 is not null)
                sibling["lfs"] = new JsonObject { ["sha256"] = file.Sha256, ["size"] = file.Bytes, ["pointerSize"] = file.PointerBytes };
        }
        return sibling;
    }

    private static JsonArray Strings(IEnumerable<string> values) => new([.. values.Select(value => JsonValue.Create(value))]);

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString(TimeFormat, System.Globalization.CultureInfo.InvariantCulture);
}
