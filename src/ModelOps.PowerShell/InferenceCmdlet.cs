using System.Management.Automation;
using System.Net;
using System.Security;

namespace ModelOps.PowerShell;

/// <summary>Base of the cmdlets that ask a model, which runs here or on a server elsewhere.</summary>
public abstract class InferenceCmdlet : EngineCmdlet
{
    /// <summary>Stands for the only model of a server.</summary>
    private const string OnlyModel = "Auto";

    private readonly Dictionary<string, OpenAiEndpoint> _endpoints = new(StringComparer.Ordinal);

    /// <summary>Address of a server that speaks OpenAI's protocol; the model is named as the server names it, or Auto for its only one.</summary>
    [Parameter]
    [ValidateNotNull]
    public Uri? Endpoint { get; set; }

    /// <summary>Key of that server; MODELOPS_API_KEY when left out.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? ApiKey { get; set; }

    /// <summary>Parameters that say how a model runs here, which a server elsewhere cannot be told.</summary>
    private protected virtual IEnumerable<string> LocalOnly => [nameof(GpuLayers), nameof(Threads), nameof(Store)];

    private protected override Task BeginAsync(CancellationToken cancellationToken)
    {
        if (Endpoint is null)
        {
            return ApiKey is null ? Task.CompletedTask : throw new ModelOpsException(ErrorKind.InvalidArgument, "-ApiKey goes with -Endpoint.", "Name the server.");
        }
        if (LocalOnly.FirstOrDefault(MyInvocation.BoundParameters.ContainsKey) is { } vain)
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"-{vain} says how a model runs here; with -Endpoint it runs elsewhere.", "Leave one of them out.");
        }
        // An address or a key that cannot be ends the pipeline, before it is told of every input.
        new OpenAiEndpoint(Options(null)).Dispose();
        return Task.CompletedTask;
    }

    /// <summary>The model of a name at the server.</summary>
    private protected OpenAiEndpoint Connect(string model)
    {
        if (!_endpoints.TryGetValue(model, out var endpoint))
        {
            _endpoints[model] = endpoint = new OpenAiEndpoint(Options(model.Equals(OnlyModel, StringComparison.OrdinalIgnoreCase) ? null : model) with { Notify = PostWarning });
        }
        return endpoint;
    }

    /// <summary>The server's name of a model, by which it can be connected to from then on.</summary>
    private protected async Task<string> NameAsync(string model, CancellationToken cancellationToken)
    {
        var endpoint = Connect(model);
        var name = await endpoint.GetModelAsync(cancellationToken);
        _endpoints.TryAdd(name, endpoint);
        return name;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var endpoint in _endpoints.Values.Distinct())
            {
                endpoint.Dispose();
            }
        }
        base.Dispose(disposing);
    }

    private EndpointOptions Options(string? model)
    {
        var options = EndpointOptions.FromEnvironment(Endpoint!, Environment.GetEnvironmentVariable) with { Model = model };
        return ApiKey is null ? options : options with { ApiKey = new NetworkCredential("", ApiKey).Password };
    }
}
