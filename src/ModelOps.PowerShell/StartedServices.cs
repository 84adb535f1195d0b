namespace ModelOps.PowerShell;

/// <summary>What this session started that serves.</summary>
internal static class StartedServices
{
    /// <summary>Its mirrors.</summary>
    public static SessionServices<ModelMirror> Mirrors { get; } = new("mirror", "mirror", "MODELOPS_MIRROR_TOKEN", mirror => mirror.ProcessId, mirror => mirror.Endpoint);

    /// <summary>Its servers.</summary>
    public static SessionServices<ModelServer> Servers { get; } = new("serve", "server", "MODELOPS_API_KEY", server => server.ProcessId, server => server.Endpoint);
}
