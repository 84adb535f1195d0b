using System.Diagnostics;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>What a server says of itself: models, health, state, metrics.</summary>
internal sealed class StatusRoutes(InferenceOptions options, ModelCatalog catalog, ModelResidence residence, ServerMetrics metrics, Func<bool> isEnding)
{
    private static readonly double Began = ReadStart();
    private readonly long _created = options.Time.GetUtcNow().ToUnixTimeSeconds();

    public void Map(WebApplication application)
    {
        application.MapGet("/health", context => isEnding()
            ? ApiError.Ending.ExecuteAsync(context)
            : JsonAnswer.WriteAsync(context.Response, new JsonObject { ["status"] = "ok" }, context.RequestAborted));
        application.MapGet("/v1/models", context => JsonAnswer.WriteAsync(context.Response, new JsonObject
        {
            ["object"] = "list",
            ["data"] = new JsonArray([.. residence.Models.Select(Model)]),
        }, context.RequestAborted));
        application.MapGet("/v1/models/{**name}", (HttpContext context, string name) => JsonAnswer.WriteAsync(context.Response, Model(catalog.Find(Uri.UnescapeDataString(name))), context.RequestAborted));
        application.MapGet("/status", context => JsonAnswer.WriteAsync(context.Response, Status(), context.RequestAborted));
        application.MapGet("/metrics", context =>
        {
            context.Response.ContentType = PrometheusText.ContentType;
            return context.Response.WriteAsync(Metrics(), context.RequestAborted);
        });
    }

    private JsonNode Model(ResidentModel model) => new JsonObject
    {
        ["id"] = model.Offered.Name,
        ["object"] = "model",
        ["created"] = _created,
        ["owned_by"] = "modelops",
    };

    private JsonObject Status() => new()
    {
        ["ending"] = isEnding(),
        ["uptimeSeconds"] = (long)options.Time.GetElapsedTime(metrics.Started).TotalSeconds,
        ["parallel"] = options.Parallel,
        ["queue"] = options.Queue,
        ["memoryBytes"] = Environment.WorkingSet,
        ["models"] = new JsonArray([.. residence.Models.Select(State)]),
    };

    private JsonNode State(ResidentModel model)
    {
        ServerMetrics.ModelCounts counts = metrics.Of(model.Offered.Name);
        EnginePlan? plan = model.Plan;
        return new JsonObject
        {
            ["name"] = model.Offered.Name,
            ["state"] = plan is not null ? model.Queue.IsPaused ? "leaving" : "loaded" : model.Loading is not null ? "loading" : "unloaded",
            ["contextLength"] = plan?.Parameters.ContextLength,
            ["gpuLayers"] = plan?.Parameters.GpuLayers,
            ["warning"] = plan?.Warning,
            ["memoryBytes"] = model.MemoryBytes,
            ["running"] = model.Queue.Running,
            ["waiting"] = model.Queue.Waiting,
            ["promptTokens"] = counts.PromptTokens.Value,
            ["generatedTokens"] = counts.GeneratedTokens.Value,
        };
    }

    private string Metrics()
    {
        IEnumerable<(string Labels, T Value)> PerModel<T>(Func<ResidentModel, ServerMetrics.ModelCounts, T> value)
            => residence.Models.Select(model => (PrometheusText.Label("model", model.Offered.Name), value(model, metrics.Of(model.Offered.Name))));
        return new PrometheusText()
            .Counter("modelops_requests_total", "Requests that were answered, by route and status; 499 is a client that went away.",
                metrics.Requests.Select(entry => ($"{PrometheusText.Label("route", entry.Key.Route)},{PrometheusText.Label("status", entry.Key.Status.ToString(System.Globalization.CultureInfo.InvariantCulture))}", entry.Value.Value)))
            .Histogram("modelops_request_seconds", "Time of requests from question to the end of the answer.", metrics.Durations.Select(entry => (PrometheusText.Label("route", entry.Key), entry.Value)))
            .Counter("modelops_prompt_tokens_total", "Tokens of prompts.", PerModel((_, counts) => counts.PromptTokens.Value))
            .Counter("modelops_generated_tokens_total", "Tokens of answers.", PerModel((_, counts) => counts.GeneratedTokens.Value))
            .Gauge("modelops_requests_running", "Requests that are being answered.", PerModel((model, _) => (double)model.Queue.Running))
            .Gauge("modelops_requests_waiting", "Requests that wait for their turn.", PerModel((model, _) => (double)model.Queue.Waiting))
            .Histogram("modelops_queue_seconds", "Time that requests waited for their turn.", PerModel((_, counts) => counts.Waits))
            .Histogram("modelops_time_to_first_token_seconds", "Time from question to the first token of the answer.", PerModel((_, counts) => counts.FirstTokens))
            .Gauge("modelops_model_loaded", "Whether a model is in memory.", PerModel((model, _) => model.Runner is null ? 0.0 : 1))
            .Gauge("modelops_model_memory_bytes", "Main memory of the process that holds a model, mapped weights included.", PerModel((model, _) => (double)(model.MemoryBytes ?? 0)))
            .Counter("modelops_model_loads_total", "Times that a model was loaded.", PerModel((_, counts) => counts.Loads.Value))
            .Counter("modelops_engine_crashes_total", "Requests that were lost because a model's engine died.", PerModel((_, counts) => counts.Crashes.Value))
            .Gauge("process_resident_memory_bytes", "Main memory of the server itself.", [("", Environment.WorkingSet)])
            .Gauge("process_start_time_seconds", "When the server started.", [("", Began)])
            .ToString();
    }

    private static double ReadStart()
    {
        using Process process = Process.GetCurrentProcess();
        return new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds() / 1000.0;
    }
}
