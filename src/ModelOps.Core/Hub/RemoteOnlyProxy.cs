using System.Net;

namespace ModelOps.Hub;

/// <summary>
/// The system's proxy for all but this machine: HTTP_PROXY without NO_PROXY would send what is meant for a mirror on loopback (and the demo's hub) to the proxy,
/// where loopback is another machine.
/// </summary>
internal sealed class RemoteOnlyProxy(IWebProxy system) : IWebProxy
{
    public ICredentials? Credentials { get => system.Credentials; set => system.Credentials = value; }

    public Uri? GetProxy(Uri destination) => destination.IsLoopback ? null : system.GetProxy(destination);

    public bool IsBypassed(Uri host) => host.IsLoopback || system.IsBypassed(host);
}
