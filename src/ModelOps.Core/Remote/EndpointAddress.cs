namespace ModelOps.Remote;

/// <summary>Addresses of servers as people give them.</summary>
internal static class EndpointAddress
{
    /// <summary>The address that paths of the protocol follow: with <c>/v1</c>, unless it has a path of its own.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static string Base(Uri address)
    {
        if (!address.IsAbsoluteUri || (address.Scheme != Uri.UriSchemeHttps && address.Scheme != Uri.UriSchemeHttp))
        {
            throw new ModelOpsException(ErrorKind.InvalidArgument, "The endpoint is no web address.", "Give a whole address, such as http://127.0.0.1:8080.");
        }
        if (address.UserInfo.Length > 0 || address.Query.Length > 0 || address.Fragment.Length > 0)
        {
            // What stands there may be a secret, and would end up in messages.
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"The address of {address.Authority} has a user name, a query or a fragment in it.", $"Leave that out; a key is taken from {EndpointOptions.ApiKeyVariable}.");
        }
        string text = address.GetLeftPart(UriPartial.Path).TrimEnd('/');
        return address.AbsolutePath.Trim('/').Length == 0 ? $"{text}/v1" : text;
    }
}
