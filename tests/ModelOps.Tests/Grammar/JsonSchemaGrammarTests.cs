using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Grammar;

/// <summary>Every text of a schema's grammar is valid: ajv says so of random texts, and of all where there are few.</summary>
public class JsonSchemaGrammarTests(ITestOutputHelper output)
{
    private static string Refusal(string schema)
    {
        var error = Assert.Throws<ModelOpsException>(() => JsonSchemaGrammar.FromSchema(schema));
        Assert.Equal(ErrorKind.InvalidSchema, error.Kind);
        Assert.NotNull(error.Hint);
        return error.Message;
    }

    private static IReadOnlyList<string> All(string schema) => new GbnfSampler(JsonSchemaGrammar.FromSchema(schema)).All();

    [Theory]
    [InlineData(1, 400)]
    [InlineData(20261121, 400)]
    public void RandomTextsOfRandomSchemasAreValid(int seed, int count)
    {
        var random = new Random(seed);
        var schemas = new RandomSchemas(random);
        List<(string, IReadOnlyList<string>)> cases = [];
        var refused = 0;
        for (var index = 0; index < count; index++)
        {
            var schema = schemas.Next().ToJsonString();
            string grammar;
            try
            {
                grammar = JsonSchemaGrammar.FromSchema(schema);
            }
            catch (ModelOpsException exception) when (exception.Kind == ErrorKind.InvalidSchema)
            {
                refused++;
                continue;
            }
            GbnfGrammar.Check(grammar);
            var sampler = new GbnfSampler(grammar);
            cases.Add((schema, [.. Enumerable.Range(0, 6).Select(_ => sampler.Sample(random))]));
        }
        output.WriteLine($"{cases.Count} schemas, {refused} refused");
        Assert.InRange(refused, 0, count / 8);
        SchemaOracle.AllValid(cases);
    }

    [Theory]
    [InlineData("""{"type":"integer","minimum":-12,"maximum":345}""", -12, 345)]
    [InlineData("""{"type":"integer","minimum":95,"exclusiveMaximum":1205}""", 95, 1204)]
    [InlineData("""{"type":"integer","exclusiveMinimum":-1001,"maximum":-7.5}""", -1000, -8)]
    [InlineData("""{"type":"number","minimum":0.5,"maximum":10,"multipleOf":1}""", 1, 10)]
    public void BoundedIntegersAreAllThere(string schema, int least, int most)
    {
        var texts = All(schema).Where(text => text != "-0").ToList();
        Assert.Equal(Enumerable.Range(least, most - least + 1), texts.Select(int.Parse).Order());
    }

    [Theory]
    [InlineData("""{"type":"number","minimum":-1.25,"exclusiveMaximum":2.5,"multipleOf":0.01}""", -125, 249)]
    [InlineData("""{"type":"number","exclusiveMinimum":0,"maximum":1,"multipleOf":0.01}""", 1, 100)]
    [InlineData("""{"type":"number","minimum":9.95,"maximum":10.05,"multipleOf":0.01}""", 995, 1005)]
    public void BoundedDecimalsAreAllThere(string schema, int least, int most)
        => Assert.Equal(
            Enumerable.Range(least, most - least + 1),
            All(schema).Where(text => text is not ("-0" or "-0.0" or "-0.00")).Select(text => (int)(decimal.Parse(text, System.Globalization.CultureInfo.InvariantCulture) * 100)).Distinct().Order());

    [Fact]
    public void ObjectsTakeTheirPropertiesInOrder()
    {
        var texts = All("""{"type":"object","properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}},"required":["b"]}""").Select(text => JsonNode.Parse(text)!.ToJsonString()).Distinct();
        Assert.Equal(["""{"a":1,"b":2,"c":3}""", """{"a":1,"b":2}""", """{"b":2,"c":3}""", """{"b":2}"""], texts.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void OptionalPropertiesComeInEveryCombination()
    {
        var texts = All("""{"type":"object","properties":{"a":{"const":1},"b":{"const":2},"c":{"const":3}}}""").Select(text => JsonNode.Parse(text)!.ToJsonString()).Distinct();
        Assert.Equal(8, texts.Count());
    }

    [Fact]
    public void TuplesEndWhereTheyMay()
    {
        var texts = All("""{"type":"array","prefixItems":[{"const":1},{"const":2}],"items":{"const":3},"minItems":1,"maxItems":4}""").Select(text => JsonNode.Parse(text)!.ToJsonString()).Distinct();
        Assert.Equal(["[1,2,3,3]", "[1,2,3]", "[1,2]", "[1]"], texts.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("""{"enum":["a",1,null],"type":["string","null"]}""", new[] { "\"a\"", "null" })]
    [InlineData("""{"type":"string","pattern":"^(a|b)c?$"}""", new[] { "\"a\"", "\"ac\"", "\"b\"", "\"bc\"" })]
    [InlineData("""{"type":"string","pattern":"^[\"\\\\\\n]$"}""", new[] { "\"\\\"\"", "\"\\\\\"", "\"\\n\"" })]
    [InlineData("""{"allOf":[{"type":"integer","minimum":3},{"maximum":5}]}""", new[] { "3", "4", "5" })]
    [InlineData("""{"type":"integer","minimum":0,"exclusiveMinimum":true,"maximum":2}""", new[] { "1", "2" })]
    [InlineData("""{"$ref":"#/$defs/a~1b","$defs":{"a/b":{"$anchor":"x","const":true}}}""", new[] { "true" })]
    [InlineData("""{"$ref":"#x","$defs":{"a/b":{"$anchor":"x","const":true}}}""", new[] { "true" })]
    [InlineData("""{"$id":"https://example.org/s","$ref":"https://example.org/s#/$defs/y","$defs":{"y":{"const":"z"}}}""", new[] { "\"z\"" })]
    [InlineData("""{"type":"string","nullable":true,"enum":["q",null]}""", new[] { "\"q\"", "null" })]
    public void SmallLanguagesAreWhole(string schema, string[] texts) => Assert.Equal(texts.Order(StringComparer.Ordinal), All(schema).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData("""{"not":{"type":"null"}}""", "/not")]
    [InlineData("""{"type":"object","properties":{"a":{"type":"array","uniqueItems":true}}}""", "/properties/a/uniqueItems")]
    [InlineData("""{"oneOf":[{"type":"string"},{"type":"string","minLength":2}]}""", "oneOf")]
    [InlineData("""{"$ref":"other.json"}""", "another document")]
    [InlineData("""{"$ref":"#/nowhere"}""", "no '#/nowhere'")]
    [InlineData("""{"type":"string","pattern":"(?=x)y"}""", "look ahead")]
    [InlineData("""{"type":"string","pattern":"(a"}""", "not closed")]
    [InlineData("""{"type":"string","pattern":"^a*$","maxLength":3}""", "length")]
    [InlineData("""{"type":"integer","multipleOf":7}""", "multiples")]
    [InlineData("""{"type":"integer","minimum":5,"maximum":4}""", "no finite value")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""", "no finite value")]
    [InlineData("""{"type":["string"],"allOf":[{"type":"integer"}]}""", "no finite value")]
    [InlineData("""{"type":"text"}""", "no type 'text'")]
    [InlineData("""[1]""", "a schema is an object")]
    [InlineData("""{"type":""", "no JSON")]
    [InlineData("""{"a":1,"a":2}""", "no JSON")]
    [InlineData("""{"minimum":1e999}""", "digits")]
    [InlineData("""{"oneOf":[{"const":1},{"const":1.0}]}""", "oneOf")]
    [InlineData("""{"oneOf":[{"const":{"a":1,"b":2}},{"const":{"b":2,"a":1}}]}""", "oneOf")]
    [InlineData("""{"oneOf":[{"type":"string"},{"minimum":3}]}""", "oneOf")]
    [InlineData("""{"oneOf":[{"type":["string","object"],"properties":{"y":{}}},{"required":["x"]}]}""", "oneOf")]
    [InlineData("""{"oneOf":[{"type":"object","properties":{}},{"required":["x"]}]}""", "oneOf")]
    [InlineData("""{"type":"array","minItems":1,"maxItems":0}""", "no finite value")]
    [InlineData("""{"type":"object","minProperties":1,"maxProperties":0}""", "no finite value")]
    [InlineData("""{"type":"string","format":"date","maxLength":5}""", "format")]
    [InlineData("""{"type":"string","format":"date","pattern":"^[0-9-]+$"}""", "format")]
    [InlineData("""{"allOf":[{"type":"string","format":"date"},{"format":"time"}]}""", "several formats")]
    [InlineData("""{"type":"string","format":"regex"}""", "regex")]
    [InlineData("""{"$ref":"#"}""", "defined by itself")]
    [InlineData("""{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"$ref":"#/$defs/a"}}}""", "defined by itself")]
    [InlineData("""{"anyOf":[{"$ref":"#"},{"type":"null"}]}""", "leads back")]
    [InlineData("""{"$defs":{"a":{"$id":"http://x/y","$defs":{"b":{"type":"null"}},"$ref":"#/$defs/b"},"b":{"type":"integer"}},"$ref":"#/$defs/a"}""", "'$id' of its own")]
    public void WhatCannotBePromisedIsRefusedByPlace(string schema, string part) => Assert.Contains(part, Refusal(schema), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"allOf":[{"type":"object","patternProperties":{"^k$":{"type":["integer","string"]}}},{"additionalProperties":{"type":"string"}}]}""")]
    [InlineData("""{"type":"object","patternProperties":{"^k$":{}},"allOf":[{"additionalProperties":false}]}""")]
    [InlineData("""{"type":"number","exclusiveMinimum":9.9999999999999,"exclusiveMaximum":10}""")]
    [InlineData("""{"type":"string","format":"date","minLength":3,"maxLength":10}""")]
    [InlineData("""{"type":"string","format":"ipv6"}""")]
    [InlineData("""{"type":"string","format":"duration"}""")]
    [InlineData("""{"type":"string","format":"uri-reference"}""")]
    [InlineData("""{"type":"string","format":"uri-template"}""")]
    [InlineData("""{"type":"string","format":"json-pointer"}""")]
    [InlineData("""{"type":"string","format":"relative-json-pointer"}""")]
    [InlineData("""{"type":"string","format":"uri","minLength":1,"maxLength":2083}""")]
    [InlineData("""{"allOf":[{"enum":[1,2,3]},{"enum":[2.0,4]}]}""")]
    [InlineData("""{"oneOf":[{"const":1},{"const":2.0}]}""")]
    public void WhatWasOnceLeftOutHolds(string schema)
    {
        var sampler = new GbnfSampler(JsonSchemaGrammar.FromSchema(schema));
        var random = new Random(11);
        SchemaOracle.AllValid([(schema, [.. Enumerable.Range(0, 100).Select(_ => sampler.Sample(random))])]);
    }

    /// <summary>9.9999999999999999 is below 10, and read as 10.</summary>
    [Fact]
    public void WhatIsWrittenBesideABoundIsNotReadAsTheBound()
        => Assert.All(All("""{"type":"number","exclusiveMinimum":9.9999999999999,"exclusiveMaximum":10}"""), text => Assert.InRange(double.Parse(text, System.Globalization.CultureInfo.InvariantCulture), 9.9999999999999, Math.BitDecrement(10.0)));

    [Fact]
    public void SchemasThatGrowWithoutBoundAreRefused()
    {
        // 4^40 combinations, 5000 levels, 2^200 ways to begin.
        var choices = new JsonArray([.. Enumerable.Range(0, 40).Select(index => new JsonObject { ["anyOf"] = new JsonArray([.. Enumerable.Range(0, 4).Select(value => new JsonObject { ["properties"] = new JsonObject { [$"p{index}"] = new JsonObject { ["const"] = value } } })]) })]);
        Assert.Contains("too large", Refusal(new JsonObject { ["allOf"] = choices }.ToJsonString()), StringComparison.Ordinal);

        JsonObject Chain(int count, Func<int, JsonNode> link) => new() { ["$ref"] = "#/$defs/d0", ["$defs"] = new JsonObject(Enumerable.Range(0, count).Select(index => KeyValuePair.Create<string, JsonNode?>($"d{index}", index == count - 1 ? new JsonObject { ["type"] = "null" } : link(index)))) };
        JsonObject Ref(int index) => new() { ["$ref"] = $"#/$defs/d{index + 1}" };
        Assert.Contains("too large", Refusal(Chain(5000, index => new JsonObject { ["type"] = "object", ["properties"] = new JsonObject { ["a"] = Ref(index) } }).ToJsonString()), StringComparison.Ordinal);
        Refusal(Chain(200, index => new JsonObject { ["anyOf"] = new JsonArray(Ref(index), new JsonObject { ["allOf"] = new JsonArray(Ref(index), new JsonObject { ["maxItems"] = index }) }) }).ToJsonString());
    }

    /// <summary>As a pattern has it, so has the grammar; the engine would follow each of the ways.</summary>
    [Theory]
    [InlineData("^(a?){400}$")]
    [InlineData("^([a-z]?){60}$")]
    [InlineData("^([a-z]*[0-9]*){50}$")]
    public void PatternsThatReadATextInTooManyWaysAreRefused(string pattern)
        => Assert.Contains("more ways", Refusal(new JsonObject { ["type"] = "string", ["pattern"] = pattern }.ToJsonString()), StringComparison.Ordinal);

    [Fact]
    public void ManyOptionsAreNotManyWays()
    {
        JsonObject Properties(int count, Func<int, JsonNode> schema) => new() { ["type"] = "object", ["properties"] = new JsonObject(Enumerable.Range(0, count).Select(index => KeyValuePair.Create<string, JsonNode?>($"property{index}", schema(index)))) };
        JsonObject Text() => new() { ["type"] = "string" };
        JsonSchemaGrammar.FromSchema(Properties(300, _ => Text()).ToJsonString());
        JsonSchemaGrammar.FromSchema(Properties(20, _ => Properties(20, _ => Text())).ToJsonString());
        JsonSchemaGrammar.FromSchema(new JsonObject { ["anyOf"] = new JsonArray([.. Enumerable.Range(0, 20).Select(_ => Properties(20, _ => new JsonObject { ["type"] = "array", ["items"] = Text() }))]) }.ToJsonString());
        JsonSchemaGrammar.FromSchema(new JsonObject { ["enum"] = new JsonArray([.. Enumerable.Range(0, 5000).Select(index => JsonValue.Create($"value {index}"))]) }.ToJsonString());
        JsonSchemaGrammar.FromSchema(new JsonObject { ["type"] = "string", ["pattern"] = "^(a?){30}$" }.ToJsonString());
        JsonSchemaGrammar.FromSchema(Properties(300, index => new JsonObject { ["type"] = "string", ["maxLength"] = 300 + index }).ToJsonString());
        JsonSchemaGrammar.FromSchema(Properties(300, _ => new JsonObject { ["type"] = "string", ["format"] = "uri" }).ToJsonString());
        JsonSchemaGrammar.FromSchema("""{"type":"object"}""");
    }

    [Fact]
    public void LongTextsAreCountedToTheCharacter()
    {
        var sampler = new GbnfSampler(JsonSchemaGrammar.FromSchema("""{"type":"string","minLength":1234,"maxLength":1500}"""));
        var random = new Random(3);
        SchemaOracle.AllValid([("""{"type":"string","minLength":1234,"maxLength":1500}""", [.. Enumerable.Range(0, 20).Select(_ => sampler.Sample(random, length: 1_000_000))])]);
    }

    [Theory]
    [InlineData(7, 10_000)]
    public void MutantsEndWell(int seed, int count)
    {
        var random = new Random(seed);
        var schemas = new RandomSchemas(random);
        string[] fragments = ["{", "}", "[", "]", ",", ":", "\"", "null", "true", "-1", "1e99", "0.5", "\"$ref\":\"#\"", "\"$ref\":\"#/properties/name\"", "\"type\":", "\"anyOf\":", "\"allOf\":", "\"required\":[\"name\"]", "\\", "(?:", "{2,9999}", "^", "\uD800"];
        var compiled = 0;
        for (var index = 0; index < count; index++)
        {
            var schema = schemas.Next().ToJsonString(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
            for (var change = random.Next(1, 4); change > 0; change--)
            {
                var at = random.Next(schema.Length + 1);
                schema = random.Next(3) switch
                {
                    0 => schema.Insert(at, fragments[random.Next(fragments.Length)]),
                    1 => schema.Remove(at, Math.Min(schema.Length - at, random.Next(8))),
                    _ => schema[..at] + fragments[random.Next(fragments.Length)] + schema[Math.Min(schema.Length, at + random.Next(12))..],
                };
            }
            try
            {
                GbnfGrammar.Check(JsonSchemaGrammar.FromSchema(schema));
                compiled++;
            }
            catch (ModelOpsException exception)
            {
                Assert.Equal(ErrorKind.InvalidSchema, exception.Kind);
            }
        }
        output.WriteLine($"{compiled} of {count} compiled");
        Assert.InRange(compiled, count / 50, count);
    }
}
