using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>Answers questions: <c>/v1/chat/completions</c> and <c>/v1/completions</c>, whole or streamed.</summary>
internal sealed class GenerationRoutes(InferenceOptions options, ModelCatalog catalog, ModelResidence residence, ServerMetrics metrics, CancellationToken ending)
{
    public void Map(WebApplication application)
    {
        application.MapPost("/v1/chat/completions", context => AnswerAsync(context, ChatReader.Read, model => new ChatShape(model, options.Time.GetUtcNow())));
        application.MapPost("/v1/completions", context => AnswerAsync(context, CompletionReader.Read, model => new CompletionShape(model, options.Time.GetUtcNow())));
    }

    private async Task AnswerAsync(HttpContext context, Func<JsonElement, InferenceOptions, Ask> read, Func<string, AnswerShape> makeShape)
    {
        Ask ask;
        using (JsonDocument body = await RequestBody.ReadAsync(context).ConfigureAwait(false))
            ask = read(body.RootElement, options);
        ResidentModel model = catalog.Find(ask.Model);
        AnswerShape shape = makeShape(model.Offered.Name);
        using var deadline = new Deadline(context, options, ending);
        try
        {
            if (ask.Stream)
                await StreamAsync(context, ask, model, shape, deadline).ConfigureAwait(false);
            else
                await JsonAnswer.WriteAsync(context.Response, shape.Whole(ask, await GenerateAsync(context, ask, model, null, deadline).ConfigureAwait(false)), deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (deadline.Reason is { } reason)
        {
            throw new ApiException(reason);
        }
    }

    private async Task StreamAsync(HttpContext context, Ask ask, ResidentModel model, AnswerShape shape, Deadline deadline)
    {
        var events = new EventStream(context.Response);
        var pieces = new PieceQueue();
        Task<GenerationResult> generating = GenerateAsync(context, ask, model, pieces, deadline);
        try
        {
            _ = generating.ContinueWith(_ => pieces.Complete(), TaskScheduler.Default);
            // Until the first token an error has its own status.
            while (await pieces.NextAsync(deadline.Token).ConfigureAwait(false) is { } piece)
            {
                if (!events.HasBegun && shape.Begin(ask) is { } begin)
                    await events.SendAsync(begin, deadline.Token).ConfigureAwait(false);
                // A forced call is told when it is whole.
                if (piece.Text.Length > 0 && ask.Forced is null)
                    await events.SendAsync(shape.Piece(piece.Text, piece.IsReasoning), deadline.Token).ConfigureAwait(false);
            }
            GenerationResult result = await generating.ConfigureAwait(false);
            foreach (var end in shape.End(ask, result))
                await events.SendAsync(end, deadline.Token).ConfigureAwait(false);
            if (ask.IncludeUsage)
                await events.SendAsync(shape.Usage(result), deadline.Token).ConfigureAwait(false);
            await events.EndAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (events.HasBegun && (e is OperationCanceledException ? deadline.Reason : ApiError.From(e)) is { } error)
        {
            // The status is out; the client learns it from an event.
            await events.SendAsync(error.ToJson(), context.RequestAborted).ConfigureAwait(false);
        }
        finally
        {
            // Whoever no longer listens costs nothing any more.
            deadline.End();
            await ((Task)generating).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task<GenerationResult> GenerateAsync(HttpContext context, Ask ask, ResidentModel model, IProgress<GeneratedToken>? listener, Deadline deadline)
    {
        long asked = options.Time.GetTimestamp();
        var progress = new FirstTokenClock(listener, () => metrics.FirstToken(model.Offered.Name, options.Time.GetElapsedTime(asked)));
        return residence.UseAsync(model, ClientName.Of(context), async runner =>
        {
            GenerationResult result = await runner.GenerateAsync(ask.Request, progress, deadline.Token).ConfigureAwait(false);
            metrics.Used(model.Offered.Name, result.PromptTokens, result.Tokens.Count);
            return result;
        }, deadline.Token);
    }

    /// <summary>Hands tokens on, and tells of the first.</summary>
    private sealed class FirstTokenClock(IProgress<GeneratedToken>? listener, Action first) : IProgress<GeneratedToken>
    {
        private bool _seen;

        public void Report(GeneratedToken value)
        {
            if (!_seen)
            {
                _seen = true;
                first();
            }
            listener?.Report(value);
        }
    }
}
