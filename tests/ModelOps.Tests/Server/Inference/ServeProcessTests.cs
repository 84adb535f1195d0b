using System.Diagnostics;
using System.Text;
using System.Text.Json;
using ModelOps.Tests.Cli;
using ModelOps.Tests.Engine;
using Xunit;

namespace ModelOps.Tests.Server.Inference;

/// <summary><c>modelops serve</c> as a service starts it, and ends it.</summary>
public sealed class ServeProcessTests(DemoModels models) : IDisposable
{
    private const int Patience = 300_000;
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact(Timeout = Patience)]
    public async Task ATerminatedServerFinishesItsAnswerAndLeavesNothingRunning()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Children are looked for in /proc");
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "keys"), "sk-1\nsk-2\n");
        using Process process = CliProcess.Start(_folder.Path, ["serve", $"demo={await models.Gguf("demo-gemma", "Q8_0")}", "--url", "http://127.0.0.1:0", "--api-key-file", "keys", "--format", "json", "--gpu-layers", "0", "--threads", "1"], [("MODELOPS_API_KEY", "sk-3")]);
        JsonElement said = await SaidAsync(process);
        Assert.Equal(("demo", true, process.Id), (said.GetProperty("models")[0].GetString(), said.GetProperty("requiresKey").GetBoolean(), said.GetProperty("processId").GetInt32()));
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(said.GetProperty("endpoint").GetString()!) };
        foreach (string key in (string[])["sk-1", "sk-2", "sk-3"])
            Assert.Equal(200, await AskAsync(key, 2));
        Assert.Equal(401, await AskAsync("sk-4", 2));
        int[] workers = [.. Children(process.Id)];
        Assert.Single(workers);

        Task<int> last = AskAsync("sk-1", 200);
        while ((await StatusAsync()).GetProperty("running").GetInt32() == 0 && !last.IsCompleted)
            await Task.Delay(5, TestContext.Current.CancellationToken);
        using (Process kill = Process.Start("kill", ["-TERM", $"{process.Id}"]))
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(200, await last);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
        Assert.DoesNotContain("sk-", await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.All(workers, worker => Assert.False(Directory.Exists($"/proc/{worker}")));

        async Task<int> AskAsync(string key, int tokens)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/completions") { Content = new StringContent($$"""{"prompt":"Once","max_tokens":{{tokens}}}""") };
            request.Headers.Authorization = new("Bearer", key);
            using HttpResponseMessage response = await client.SendAsync(request);
            return (int)response.StatusCode;
        }

        async Task<JsonElement> StatusAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/status");
            request.Headers.Authorization = new("Bearer", "sk-1");
            using HttpResponseMessage response = await client.SendAsync(request);
            return JsonElement.Parse(await response.Content.ReadAsStringAsync()).GetProperty("models")[0];
        }
    }

    [Fact(Timeout = Patience)]
    public async Task WhatCannotBeServedIsToldBeforeAnythingListens()
    {
        CliOutcome open = await CliProcess.RunAsync(_folder.Path, ["serve", await models.Gguf("demo-gemma", "Q8_0"), "--url", "http://0.0.0.0:0", "--format", "json"]);
        CliOutcome absent = await CliProcess.RunAsync(_folder.Path, ["serve", "org/absent", "--format", "json"]);
        CliOutcome nothing = await CliProcess.RunAsync(_folder.Path, ["serve", "--format", "json"]);
        Assert.Equal([(2, "InvalidArgument"), (3, "ModelNotFound"), (2, "InvalidArgument")], new[] { open, absent, nothing }.Select(outcome => (outcome.ExitCode, outcome.Json.GetProperty("error").GetProperty("id").GetString()!)));
    }

    private static async Task<JsonElement> SaidAsync(Process process)
    {
        var text = new StringBuilder();
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            text.AppendLine(line);
            if (line == "}")
                break;
        }
        return JsonElement.Parse(text.ToString());
    }

    private static IEnumerable<int> Children(int id)
        => Directory.EnumerateDirectories($"/proc/{id}/task").SelectMany(thread => File.ReadAllText(Path.Combine(thread, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(int.Parse);
}
