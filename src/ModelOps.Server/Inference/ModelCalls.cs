using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace ModelOps.Server.Inference;

/// <summary>What every question to a model goes through: its JSON is read, the model found, the time limited, the turn waited for.</summary>
internal sealed class ModelCalls(InferenceOptions options, ModelCatalog catalog, ModelResidence residence, CancellationToken ending)
{
    /// <summary>Reads a question and has it answered.</summary>
    /// <param name="context">The request.</param>
    /// <param name="read">From its JSON to the question.</param>
    /// <param name="nameModel">The model that the question names.</param>
    /// <param name="answer">Answers.</param>
    public async Task HandleAsync<T>(HttpContext context, Func<JsonElement, T> read, Func<T, string?> nameModel, Func<T, ResidentModel, Deadline, Task> answer)
    {
        using var deadline = new Deadline(context, options, ending);
        try
        {
            T question;
            using (JsonDocument body = await RequestBody.ReadAsync(context, options.MaxBodyBytes, deadline.Token).ConfigureAwait(false))
                question = read(body.RootElement);
            ResidentModel model = catalog.Find(nameModel(question));
            await answer(question, model, deadline).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (deadline.Reason is { } reason)
        {
            throw new ApiException(reason);
        }
    }

    /// <summary>Does work with a model when it is the client's turn.</summary>
    public Task<T> UseAsync<T>(HttpContext context, ResidentModel model, Deadline deadline, Func<IModelRunner, Task<T>> work) => residence.UseAsync(model, ClientName.Of(context), work, deadline.Token);
}
