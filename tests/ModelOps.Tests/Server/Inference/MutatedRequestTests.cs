using System.Text;
using System.Text.Json.Nodes;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

/// <summary>Requests in which values were swapped for others, bytes turned and ends cut off: each is answered or refused, and none is the server's fault.</summary>
public sealed class MutatedRequestTests
{
    private const int Requests = 1500;

    private static readonly (string Path, string Body)[] Seeds =
    [
        ("/v1/chat/completions", """{"model":"one","messages":[{"role":"system","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"d"}],"tools":[{"type":"function","function":{"name":"f","description":"g","parameters":{"type":"object","properties":{"x":{"$ref":"#/$defs/y"}},"$defs":{"y":{"enum":[1,"z"]}}}}}],"tool_choice":"required","stop":["s"],"seed":5,"temperature":0.5,"stream":true,"stream_options":{"include_usage":true}}"""),
        ("/v1/chat/completions", """{"model":"one","messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","properties":{"k":{"type":"string","pattern":"^a+$"}},"required":["k"]}}},"logit_bias":{"5":-100},"max_tokens":5,"n":1,"reasoning_effort":"low"}"""),
        ("/v1/completions", """{"model":"one","prompt":"a","max_tokens":3,"echo":true,"stop":"b","grammar":"root ::= \"a\"","top_k":3}"""),
        ("/v1/embeddings", """{"model":"one","input":["a","b"],"encoding_format":"base64","dimensions":2}"""),
        ("/v1/rerank", """{"model":"one","query":"q","documents":["a",{"text":"b"}],"top_n":1}"""),
    ];

    private static readonly string[] Values = ["null", "true", "0", "-1", "1e308", "1e999", "9223372036854775808", "0.5", "\"\"", "\"\\ud800\"", "\"a\"", "[]", "{}", "[[[[]]]]", "{\"a\":{\"a\":{}}}", "\"\\u0000\"", "[null]", "[\"a\",7]"];

    [Fact]
    public async Task NoRequestIsTheServersFault()
    {
        await using TestServer server = await TestServer.StartAsync(new FakeEngine());
        const int Seed = 20261121;
        var random = new Random(Seed);
        for (int i = 0; i < Requests; i++)
        {
            (string path, string seed) = Seeds[random.Next(Seeds.Length)];
            byte[] body = Encoding.UTF8.GetBytes(Mutate(seed, random));
            if (random.Next(4) == 0)
                body[random.Next(body.Length)] = (byte)random.Next(256);
            if (random.Next(8) == 0)
                body = body[..random.Next(body.Length)];
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(body) };
            Answer answer = await server.SendAsync(request, null, default);
            Assert.True((int)answer.Status is 200 or 400 or 404, $"request {i} of seed {Seed}: {(int)answer.Status} {answer.Text}\n{Encoding.UTF8.GetString(body)}");
            if ((int)answer.Status != 200)
                Assert.NotEmpty(answer.Error.Code!);
        }
        Assert.Equal(200, (int)(await server.ChatAsync()).Status);
    }

    private static string Mutate(string json, Random random)
    {
        JsonNode root = JsonNode.Parse(json)!;
        for (int changes = random.Next(1, 4); changes > 0; changes--)
        {
            List<JsonNode> places = [.. Nodes(root)];
            switch (places[random.Next(places.Count)])
            {
                case JsonObject { Count: > 0 } members:
                    string name = members.ElementAt(random.Next(members.Count)).Key;
                    if (random.Next(4) == 0)
                        members.Remove(name);
                    else
                        // Text stands for what a node cannot hold: numbers beyond all types, half characters.
                        members[name] = "@" + random.Next(Values.Length) + "@";
                    break;
                case JsonArray { Count: > 0 } items:
                    items[random.Next(items.Count)] = "@" + random.Next(Values.Length) + "@";
                    break;
            }
        }
        string text = root.ToJsonString();
        for (int i = 0; i < Values.Length; i++)
            text = text.Replace($"\"@{i}@\"", Values[i], StringComparison.Ordinal);
        return text;
    }

    private static IEnumerable<JsonNode> Nodes(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => Nodes(member.Value)).Prepend(members),
        JsonArray items => items.SelectMany(Nodes).Prepend(items),
        _ => [],
    };
}
