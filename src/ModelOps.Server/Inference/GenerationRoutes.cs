using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>Answers questions: <c>/v1/chat/completions</c> and <c>/v1/completions</c>, whole or streamed.</summary>
internal sealed class GenerationRoutes(InferenceOptions options, ModelCalls calls, ServerMetrics metrics)
{
    public void Map(WebApplication application)
    {
        Map(application, "/v1/chat/completions", ChatReader.Read, model => new ChatShape(model, options.Time.GetUtcNow()));
        Map(application, "/v1/completions", CompletionReader.Read, model => new CompletionShape(model, options.Time.GetUtcNow()));
    }

    private void Map(WebApplication application, string path, Func<JsonElement, InferenceOptions, Ask> read, Func<string, AnswerShape> makeShape)
        => application.MapPost(path, context => calls.HandleAsync(context, json => read(json, options), ask => ask.Model, (ask, model, deadline) => AnswerAsync(context, ask, model, makeShape(model.Offered.Name), deadline)));

    private async Task AnswerAsync(HttpContext context, Ask ask, ResidentModel model, AnswerShape shape, Deadline deadline)
    {
        if (ask.Stream)
            await StreamAsync(context, ask, model, shape, deadline).ConfigureAwait(false);
        else
            await JsonAnswer.WriteAsync(context.Response, shape.Whole(ask, await GenerateAsync(context, ask, model, null, deadline).ConfigureAwait(false)), deadline.Token).ConfigureAwait(false);
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
        return calls.UseAsync(context, model, deadline, async runner =>
        {
            GenerationResult result = await runner.GenerateAsync(ask.Request, progress, deadline.Token).ConfigureAwait(false);
            metrics.Used(model.Offered.Name, result.PromptTokens, result.Tokens.Count);
            return result;
        });
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
