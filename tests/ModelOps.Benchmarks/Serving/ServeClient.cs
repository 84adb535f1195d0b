using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace ModelOps.Benchmarks.Serving;

/// <summary>A client with a key of its own, that asks again and again and sometimes goes away in the middle.</summary>
internal sealed class ServeClient(HttpClient http, string key, int number)
{
    private const double ChanceToLeave = 0.2;
    private const int MostTokens = 24;

    private int _whole;
    private int _left;

    /// <summary>Answers that it read to their end.</summary>
    public int Whole => _whole;

    /// <summary>Answers that it did not wait for.</summary>
    public int Left => _left;

    /// <summary>Seconds of each whole answer.</summary>
    public List<double> Seconds { get; } = [];

    /// <summary>What went wrong.</summary>
    public List<string> Errors { get; } = [];

    /// <summary>Asks until the time is up; <paramref name="atOnce"/> questions at once.</summary>
    public Task RunAsync(int atOnce, CancellationToken end) => Task.WhenAll(Enumerable.Range(0, atOnce).Select(i => LoopAsync(new Random((number * 1000) + i), end)));

    private async Task LoopAsync(Random random, CancellationToken end)
    {
        while (!end.IsCancellationRequested)
        {
            bool leaves = random.NextDouble() < ChanceToLeave;
            using var patience = new CancellationTokenSource();
            if (leaves)
                patience.CancelAfter(random.Next(1500));
            long began = Stopwatch.GetTimestamp();
            try
            {
                await AskAsync(random, patience.Token);
                Interlocked.Increment(ref _whole);
                lock (Seconds)
                    Seconds.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
            }
            catch (OperationCanceledException) when (patience.IsCancellationRequested)
            {
                Interlocked.Increment(ref _left);
            }
            catch (Exception e) when (e is HttpRequestException or IOException or InvalidDataException)
            {
                lock (Errors)
                    Errors.Add(e.Message);
            }
        }
    }

    private async Task AskAsync(Random random, CancellationToken cancellationToken)
    {
        bool stream = random.Next(2) == 0;
        string body = $$"""{"messages":[{"role":"user","content":"Count from {{random.Next(100)}}, please."}],"max_tokens":{{random.Next(4, MostTokens)}},"seed":{{random.Next()}},"stream":{{(stream ? "true" : "false")}}}""";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/chat/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json"), Headers = { Authorization = new AuthenticationHeaderValue("Bearer", key) } };
        using HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        string text = await response.Content.ReadAsStringAsync(cancellationToken);
        if (!response.IsSuccessStatusCode || (stream ? !text.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal) : JsonElement.Parse(text).GetProperty("choices")[0].GetProperty("finish_reason").ValueKind != JsonValueKind.String))
            throw new InvalidDataException($"{(int)response.StatusCode}: {text}");
    }
}
