using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using ModelOps.Tests.Cli;
using Xunit;

namespace ModelOps.Tests.Hub;

/// <summary>The built tool against servers that answer with the documented headers, through proxies and over TLS: as scripts see it.</summary>
public sealed class HubOverHttpTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-http-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("404 Not Found", "X-Error-Code: RepoNotFound", "Repository not found", "RepositoryNotFound", 3, "no repository 'o/r'")]
    [InlineData("401 Unauthorized", "X-Error-Message: Invalid username or password.", "Invalid username or password.", "PrivateRepository", 4, "is private, or there is no such repository")]
    [InlineData("403 Forbidden", "X-Error-Message: Forbidden: you lack the rights", "Forbidden", "PrivateRepository", 4, "refuses access to 'o/r': Forbidden: you lack the rights.")]
    [InlineData("403 Forbidden", "X-Error-Code: GatedRepo", "Access to model o/r is restricted", "GatedRepository", 4, "is gated")]
    [InlineData("403 Forbidden", "X-Error-Message: Access to this resource is disabled.", "disabled", "RepositoryDisabled", 4, "has disabled 'o/r'")]
    [InlineData("404 Not Found", "X-Error-Code: RevisionNotFound", "Invalid rev id: r", "RevisionNotFound", 3, "has no revision 'v9'")]
    [InlineData("404 Not Found", "X-Error-Code: EntryNotFound", "x does not exist", "FileNotFound", 3, "has no file")]
    [InlineData("401 Unauthorized", "X-Error-Message: Invalid credentials in Authorization header", "no", "Unauthorized", 4, "does not accept the access token of HF_TOKEN")]
    public async Task EveryRefusalHasItsIdAndText(string status, string header, string body, string id, int exitCode, string mentions)
    {
        using var hub = new RawHub(_ => RawHub.Answer(status, $$"""{"error":"{{body}}"}""", header));
        CliOutcome outcome = await CliProcess.RunAsync(_folder, ["show", "o/r", "--revision", "v9", "--format", "json"], environment: [("HF_ENDPOINT", hub.Endpoint), ("HF_TOKEN", "hf_secret")]);
        Assert.Equal((id, exitCode), (outcome.Json.GetProperty("error").GetProperty("id").GetString(), outcome.ExitCode));
        Assert.Contains(mentions, outcome.Json.GetProperty("error").GetProperty("message").GetString());
        Assert.DoesNotContain("hf_secret", outcome.Out + outcome.Error);
        Assert.Contains("Authorization: Bearer hf_secret", Assert.Single(hub.Requests));
    }

    [Fact]
    public async Task NewNameOfARepositoryIsFollowedAndTold()
    {
        const string Commit = "0123456789012345678901234567890123456789";
        using var hub = new RawHub(line =>
            line.Contains("/api/models/old/name/") ? RawHub.Answer("307 Temporary Redirect", "", $"Location: /api/models/new/name/{line.Split("/old/name/")[1].Split(' ')[0]}")
            : line.Contains("/tree/") ? RawHub.Answer("200 OK", "[]")
            : RawHub.Answer("200 OK", $$"""{"id":"new/name","sha":"{{Commit}}"}""", "X-HF-Warning: old; This client is seen by the hub."));
        CliOutcome outcome = await InProcess.RunAsync(_folder, ["show", "old/name", "--format", "json"], endpoint: hub.Endpoint);
        Assert.Equal("new/name", outcome.Json.GetProperty("repository").GetString());
        Assert.Contains("'old/name' is called 'new/name' now.", outcome.Error);
        Assert.Contains("says: This client is seen by the hub.", outcome.Error);
    }

    [Fact]
    public async Task WaitsAreTold()
    {
        int asked = 0;
        using var hub = new RawHub(_ => Interlocked.Increment(ref asked) switch
        {
            1 => RawHub.Answer("503 Service Unavailable"),
            2 => RawHub.Answer("429 Too Many Requests", "{}", "RateLimit: \"pages\";r=5;t=99, \"api\";r=0;t=0"),
            _ => RawHub.Answer("200 OK", "[]"),
        });
        CliOutcome outcome = await InProcess.RunAsync(_folder, ["search", "x", "--format", "json"], endpoint: hub.Endpoint);
        Assert.Equal(0, outcome.ExitCode);
        Assert.Contains("localhost answered 503", outcome.Error);
        Assert.Contains("Trying again in 1 s (1 of 4).", outcome.Error);
        Assert.Contains("asks to wait 1 s. Waiting 1 s.", outcome.Error);
        Assert.Empty(outcome.Json.GetProperty("models").EnumerateArray());
    }

    /// <summary>A certificate that nobody knows is refused in words that help, and is trusted where SSL_CERT_FILE names it.</summary>
    [Fact]
    public async Task CertificateIsTrustedByTheVariableOfOpenSsl()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "SSL_CERT_FILE is OpenSSL's; Windows and macOS have certificate stores of their own.");
        using X509Certificate2 certificate = SelfSigned();
        string file = Path.Combine(_folder, "ca.pem");
        await File.WriteAllTextAsync(file, certificate.ExportCertificatePem());
        using var hub = new RawHub(_ => RawHub.Answer("200 OK", "[]"), certificate);

        CliOutcome refused = await CliProcess.RunAsync(_folder, ["search", "x", "--format", "json"], environment: [("HF_ENDPOINT", hub.Endpoint), ("SSL_CERT_FILE", null)]);
        Assert.Equal(7, refused.ExitCode);
        Assert.Contains("its certificate is not trusted", refused.Json.GetProperty("error").GetProperty("message").GetString());
        Assert.Contains("SSL_CERT_FILE", refused.Json.GetProperty("error").GetProperty("hint").GetString());
        Assert.Empty(hub.Requests);

        CliOutcome trusted = await CliProcess.RunAsync(_folder, ["search", "x", "--format", "json"], environment: [("HF_ENDPOINT", hub.Endpoint), ("SSL_CERT_FILE", file)]);
        Assert.True(trusted.ExitCode == 0, trusted.Out + trusted.Error);
        Assert.Single(hub.Requests);
    }

    [Fact]
    public async Task ProxyOfTheSystemIsUsedButNotWhereNoProxySaysSo()
    {
        using var proxy = new RawHub(_ => RawHub.Answer("200 OK", "[]"));
        (string, string?)[] environment = [("HF_ENDPOINT", "http://hub.invalid"), ("http_proxy", $"http://user:secret@127.0.0.1:{proxy.Port}"), ("HTTP_PROXY", null), ("ALL_PROXY", null), ("all_proxy", null)];
        CliOutcome through = await CliProcess.RunAsync(_folder, ["search", "x", "--format", "json"], environment: [.. environment, ("no_proxy", null), ("NO_PROXY", null)]);
        Assert.True(through.ExitCode == 0, through.Out + through.Error);
        Assert.StartsWith("GET http://hub.invalid/api/models?", Assert.Single(proxy.Requests));

        CliOutcome around = await CliProcess.RunAsync(_folder, ["search", "x", "--format", "json"], environment: [.. environment, ("no_proxy", "hub.invalid"), ("NO_PROXY", "hub.invalid")]);
        Assert.Equal(7, around.ExitCode);
        Assert.Contains("hub.invalid", around.Json.GetProperty("error").GetProperty("message").GetString());
        Assert.DoesNotContain("secret", around.Out);
        Assert.Single(proxy.Requests);
    }

    private static X509Certificate2 SelfSigned()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        return request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
    }
}
