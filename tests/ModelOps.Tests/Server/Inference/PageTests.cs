using System.Text.Json;
using ModelOps.Server.Inference;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

/// <summary>The built-in page in a headless Chromium, where one is installed.</summary>
public sealed class PageTests(DemoModels models)
{
    private const string Key = "sk-page";

    [Fact]
    public async Task ThePageAsksForItsKeyChatsAndStops()
    {
        string? chromium = NodePackages.FindCommand("chromium") ?? NodePackages.FindCommand("google-chrome");
        Assert.SkipWhen(chromium is null, "Chromium is not installed");
        (string node, string folder) = await NodePackages.RestoreAsync("node-page");
        string path = await models.Gguf("demo-gemma", "Q8_0");
        await using InferenceServer server = await InferenceServer.StartAsync(DemoServer.Options(new OfferedModel("demo", path)) with { Keys = [Key] });
        string pictures = Directory.CreateTempSubdirectory("modelops-page-").FullName;
        try
        {
            JsonElement seen = JsonElement.Parse(await NodePackages.RunAsync(node, folder, "page.mjs", server.Endpoint.AbsoluteUri, Key, chromium!, pictures));

            Assert.Empty(seen.GetProperty("problems").EnumerateArray());
            // Nothing from elsewhere.
            Assert.Empty(seen.GetProperty("foreign").EnumerateArray());
            Assert.Equal(["demo"], Texts(seen, "models"));
            using LlamaEngine engine = await models.Load("demo-gemma", "Q8_0", 512);
            Assert.Equal(["hello", (await engine.GenerateAsync(new GenerationRequest { Prompt = "hello", Temperature = 0 })).Text], Texts(seen, "turns"));
            Assert.Contains("loaded", Assert.Single(Texts(seen, "loaded")), StringComparison.Ordinal);
            // Every control has a name that a screen reader can say.
            Assert.Empty(Texts(seen, "names"));
            Assert.Equal("Stopped.", seen.GetProperty("afterStop").GetString());
            Assert.All((string[])["dark.png", "light.png", "narrow.png"], picture => Assert.True(new FileInfo(Path.Combine(pictures, picture)).Length > 10_000));
        }
        finally
        {
            Directory.Delete(pictures, recursive: true);
        }
    }

    private static string[] Texts(JsonElement seen, string name) => [.. seen.GetProperty(name).EnumerateArray().Select(text => text.GetString()!)];
}
