using System.Management.Automation;
using System.Net;
using System.Security;

namespace ModelOps.PowerShell.Commands;

/// <content>Models that a server elsewhere runs.</content>
public sealed partial class InvokeModelCommand
{
    /// <summary>Stands for the only model of a server.</summary>
    private const string OnlyModel = "Auto";

    private static readonly string[] LocalOnly =
    [
        nameof(Parameters), nameof(ContextLength), nameof(GpuLayers), nameof(CpuExpertLayers), nameof(TensorSplit), nameof(TensorOverride), nameof(KvType), nameof(KvCacheOnCpu), nameof(BatchSize),
        nameof(FlashAttention), nameof(Loading), nameof(Threads), nameof(KeepAlive), nameof(Store),
    ];

    private readonly Dictionary<string, OpenAiEndpoint> _endpoints = new(StringComparer.Ordinal);

    /// <summary>Address of a server that speaks OpenAI's protocol; the model is named as the server names it, or Auto for its only one.</summary>
    [Parameter]
    [ValidateNotNull]
    public Uri? Endpoint { get; set; }

    /// <summary>Key of that server; MODELOPS_API_KEY when left out.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? ApiKey { get; set; }

    private void CheckEndpoint()
    {
        if (Endpoint is null)
        {
            if (ApiKey is not null)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, "-ApiKey goes with -Endpoint.", "Name the server.");
            }
            return;
        }
        if (LocalOnly.FirstOrDefault(MyInvocation.BoundParameters.ContainsKey) is { } vain)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"-{vain} says how a model runs here; with -Endpoint it runs elsewhere.", "Leave one of them out.");
        }
    }

    /// <summary>The model of a name at the server.</summary>
    private OpenAiEndpoint Connect(string model)
    {
        if (!_endpoints.TryGetValue(model, out var endpoint))
        {
            var options = EndpointOptions.FromEnvironment(Endpoint!, Environment.GetEnvironmentVariable) with { Model = model.Equals(OnlyModel, StringComparison.OrdinalIgnoreCase) ? null : model, Notify = PostWarning };
            _endpoints[model] = endpoint = new OpenAiEndpoint(ApiKey is null ? options : options with { ApiKey = new NetworkCredential("", ApiKey).Password });
        }
        return endpoint;
    }

    private async Task<GenerationResult> AskServerAsync(OpenAiEndpoint endpoint, Question question, CancellationToken cancellationToken)
        => await GenerateAsync(endpoint.GenerateAsync, question, cancellationToken) with { Prompt = question.Prompt, Id = question.Id };

    private void CloseEndpoints()
    {
        foreach (var endpoint in _endpoints.Values)
        {
            endpoint.Dispose();
        }
    }
}
