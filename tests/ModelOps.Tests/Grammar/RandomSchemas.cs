using System.Text.Json.Nodes;

namespace ModelOps.Tests.Grammar;

/// <summary>Random JSON schemas of everything that a grammar can promise, and a little more.</summary>
internal sealed class RandomSchemas(Random random)
{
    private static readonly string[] Names = ["name", "age", "a b", "quote\"d", "größe", "😀", "x/y~z", "", "type", "items"];
    private static readonly string[] Patterns = ["^[a-z]{1,8}$", "^(foo|bar)?$", @"^\d{3}-\d{4}$", "^[^\"]{0,5}$", "^.{2,4}$", @"^\w+@\w+\.(com|org)$", @"^[\\/""]{1,3}$", "^a|b$", @"^\s?\S$", "^[\\u00e0-\\u00ff]+$", "^x*?y+?$"];
    private static readonly string[] Formats = ["date", "time", "date-time", "uuid", "ipv4", "email", "hostname", "uri", "colour"];

    public JsonNode Next()
    {
        var schema = Any(3);
        if (schema is JsonObject root && random.Next(3) == 0)
        {
            root["$defs"] = new JsonObject { ["tree"] = Tree(), ["other"] = Any(1) };
            root["anyOf"] = new JsonArray(new JsonObject { ["$ref"] = "#/$defs/tree" }, new JsonObject { ["$ref"] = "#/$defs/other" });
            foreach (var name in root.Select(entry => entry.Key).Where(name => name is not ("$defs" or "anyOf")).ToList())
                root.Remove(name);
        }
        return schema;
    }

    private static JsonObject Tree() => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["value"] = new JsonObject { ["type"] = "integer" },
            ["children"] = new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["$ref"] = "#/$defs/tree" }, ["maxItems"] = 2 },
        },
        ["required"] = new JsonArray("value"),
    };

    private JsonNode Any(int depth) => random.Next(depth > 0 ? 13 : 8) switch
    {
        0 => new JsonObject { ["type"] = "boolean" },
        1 => new JsonObject { ["type"] = new JsonArray("null", "string") },
        2 => Integer(),
        3 => Number(),
        4 or 5 => Text(),
        6 => new JsonObject { ["enum"] = new JsonArray("red", 1, null, true, 2.5, new JsonArray(1, "é"), new JsonObject { ["k\n"] = "\t" }) },
        7 => random.Next(4) == 0 ? JsonValue.Create(true) : new JsonObject { ["const"] = Names[random.Next(Names.Length)] },
        8 or 9 => Object(depth),
        10 => Array(depth),
        11 => new JsonObject { ["anyOf"] = new JsonArray(Any(depth - 1), Any(depth - 1)) },
        _ => random.Next(2) == 0
            ? new JsonObject { ["allOf"] = new JsonArray(Object(depth - 1), new JsonObject { ["properties"] = new JsonObject { ["extra"] = Any(0) } }) }
            : new JsonObject { ["oneOf"] = new JsonArray(Tagged("a", depth), Tagged("b", depth)) },
    };

    private JsonObject Tagged(string tag, int depth)
        => new() { ["type"] = "object", ["properties"] = new JsonObject { ["kind"] = new JsonObject { ["const"] = tag }, ["value"] = Any(depth - 1) }, ["required"] = new JsonArray("kind") };

    private JsonObject Integer()
    {
        var schema = new JsonObject { ["type"] = "integer" };
        var low = random.Next(-2000, 2000);
        if (random.Next(2) == 0)
            schema[random.Next(2) == 0 ? "minimum" : "exclusiveMinimum"] = low;
        if (random.Next(2) == 0)
            schema[random.Next(2) == 0 ? "maximum" : "exclusiveMaximum"] = low + random.Next(2, 5000);
        if (schema.Count == 3 && random.Next(3) == 0)
            schema["multipleOf"] = random.Next(1, 9);
        return schema;
    }

    private JsonObject Number()
    {
        var schema = new JsonObject { ["type"] = "number" };
        var low = Math.Round(random.NextDouble() * 20 - 10, random.Next(5));
        if (random.Next(3) > 0)
            schema[random.Next(2) == 0 ? "minimum" : "exclusiveMinimum"] = low;
        if (random.Next(3) > 0)
            schema[random.Next(2) == 0 ? "maximum" : "exclusiveMaximum"] = Math.Round(low + 0.01 + random.NextDouble() * random.Next(1, 30), 3);
        return schema;
    }

    private JsonObject Text()
    {
        var schema = new JsonObject { ["type"] = "string" };
        switch (random.Next(4))
        {
            case 0:
                schema["pattern"] = Patterns[random.Next(Patterns.Length)];
                break;
            case 1:
                schema["format"] = Formats[random.Next(Formats.Length)];
                break;
            case 2:
                var least = random.Next(0, 130);
                schema["minLength"] = least;
                schema["maxLength"] = least + random.Next(0, 260);
                break;
        }
        return schema;
    }

    private JsonObject Object(int depth)
    {
        if (random.Next(5) == 0)
            return new JsonObject { ["type"] = "object", ["additionalProperties"] = Any(depth - 1), ["maxProperties"] = random.Next(4) };
        if (random.Next(8) == 0)
            return new JsonObject { ["type"] = "object", ["patternProperties"] = new JsonObject { ["^k[0-9]$"] = Any(depth - 1) }, ["additionalProperties"] = false };
        var properties = new JsonObject();
        var required = new JsonArray();
        foreach (var name in Names.OrderBy(_ => random.Next()).Take(random.Next(1, 5)))
        {
            properties[name] = Any(depth - 1);
            if (random.Next(2) == 0)
                required.Add(name);
        }
        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties, ["required"] = required };
        if (random.Next(2) == 0)
            schema["additionalProperties"] = false;
        return schema;
    }

    private JsonObject Array(int depth)
    {
        var schema = new JsonObject { ["type"] = "array" };
        if (random.Next(3) == 0)
            schema["prefixItems"] = new JsonArray(Any(depth - 1), Any(depth - 1));
        if (random.Next(4) > 0)
            schema["items"] = random.Next(4) == 0 ? JsonValue.Create(false) : Any(depth - 1);
        if (random.Next(2) == 0)
            schema["minItems"] = random.Next(3);
        if (random.Next(2) == 0)
            schema["maxItems"] = random.Next(2, 130);
        return schema;
    }
}
