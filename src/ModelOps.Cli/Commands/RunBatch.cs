using System.Text.Json;
using System.Text.Json.Nodes;
using ModelOps.Cli.Batch;
using ModelOps.Cli.Rendering;

namespace ModelOps.Cli.Commands;

/// <summary><c>modelops run --input</c>: a prompt an item.</summary>
internal static class RunBatch
{
    private static readonly string[] Columns = ["answer", "finishReason", "promptTokens", "answerTokens"];

    public static Task<int> RunAsync(
        CommandContext context, AskedModel model, GenerationRequest request, bool isJson, BatchPlan plan, CancellationToken cancellationToken)
    {
        var tokens = 0L;
        return new BatchRun<GenerationResult>
        {
            Columns = Columns,
            PrepareAsync = token => model.PrepareAsync(plan.Parallel, token),
            WorkAsync = async (item, token) =>
            {
                var result = await model.Inference.GenerateAsync(RunCommand.Ask(request, item.Text), null, token);
                Interlocked.Add(ref tokens, result.Tokens.Count);
                if (isJson)
                {
                    result.RequireWhole();
                }
                return result;
            },
            Describe = (result, asJson) =>
            [
                new(Columns[0], isJson && asJson ? JsonNode.Parse(result.Text) : result.Text),
                new(Columns[1], JsonNamingPolicy.CamelCase.ConvertName(result.FinishReason.ToString())),
                new(Columns[2], result.PromptTokens),
                new(Columns[3], result.Tokens.Count),
            ],
            Summarize = time => $"{tokens} tokens at {Sizes.Rate(tokens / time.TotalSeconds)} tokens/s, loading included.",
        }.RunAsync(context, plan, cancellationToken);
    }
}
