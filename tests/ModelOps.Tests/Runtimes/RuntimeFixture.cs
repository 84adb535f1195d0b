using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using ModelOps.Runtimes;

namespace ModelOps.Tests.Runtimes;

/// <summary>A folder of runtimes, and archives for it: npm's own pack of the natives that the build restored, whose digest the tests pin.</summary>
internal sealed class RuntimeFixture : IDisposable
{
    private static readonly string[] WithoutScripts = ["pack", "--ignore-scripts", "--loglevel=error"];

    public string Folder { get; } = Directory.CreateTempSubdirectory("modelops-runtimes-").FullName;

    public string Root => Path.Combine(Folder, "runtimes");

    /// <summary>The package that npm installed for the platform of the build.</summary>
    public static string Package => Path.Combine(TestPaths.RepositoryRoot, "natives", "node_modules", "@node-llama-cpp", RuntimeNames.Platform);

    /// <summary>Has npm pack the installed package.</summary>
    public async Task<string> PackAsync()
    {
        var start = new ProcessStartInfo(OperatingSystem.IsWindows() ? "npm.cmd" : "npm", [.. WithoutScripts, "--pack-destination", Folder, Package]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var npm = Process.Start(start)!;
        var words = npm.StandardError.ReadToEndAsync();
        await npm.StandardOutput.ReadToEndAsync();
        await npm.WaitForExitAsync();
        return npm.ExitCode == 0 ? Directory.GetFiles(Folder, "*.tgz").Single() : throw new InvalidOperationException(await words);
    }

    /// <summary>An archive of entries made up here.</summary>
    public string Archive(string name, params TarEntry[] entries)
    {
        string path = Path.Combine(Folder, name);
        using FileStream file = File.Create(path);
        using GZipStream gzip = new(file, CompressionLevel.Fastest);
        using TarWriter tar = new(gzip);
        foreach (TarEntry entry in entries)
        {
            tar.WriteEntry(entry);
        }
        return path;
    }

    public static TarEntry Entry(string name, string text = "library") => Entry(name, Encoding.UTF8.GetBytes(text));

    public static TarEntry Entry(string name, byte[] content) => new PaxTarEntry(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(content) };

    /// <summary>Pins of this platform, in the form of npm's lock file.</summary>
    public static PinnedRuntimes Pins(params (string Suffix, string Archive)[] packages)
        => PinnedRuntimes.FromLock(new MemoryStream(Encoding.UTF8.GetBytes($$"""
            { "lockfileVersion": 3, "packages": { "": { "name": "x" }{{string.Concat(packages.Select(package => $$"""
            , "node_modules/@node-llama-cpp/{{RuntimeNames.Platform}}{{package.Suffix}}": { "version": "9.9.9", "integrity": "{{Integrity(package.Archive)}}" }
            """))}} } }
            """)));

    /// <summary>Runtimes with nothing bundled, unless it is given.</summary>
    public ModelRuntimes Open(PinnedRuntimes pins, IReadOnlyList<Device>? gpus = null, string? bundled = null, params (string Name, string Value)[] environment) => new(new ModelRuntimesOptions
    {
        Root = Root,
        Pins = pins,
        Gpus = () => gpus ?? [],
        Bundled = platform => platform == RuntimeNames.Platform ? bundled : null,
        Environment = name => environment.FirstOrDefault(entry => entry.Name == name).Value,
    });

    /// <summary>All that lies in the folder of runtimes, but for the lock.</summary>
    public string[] Left => Directory.Exists(Root) ? [.. Directory.EnumerateFileSystemEntries(Root, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(Root, path)).Where(path => path != ".lock").Order(StringComparer.Ordinal)] : [];

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    // As npm and OpenSSL write it: sha512, base 64.
    private static string Integrity(string archive) => "sha512-" + Convert.ToBase64String(SHA512.HashData(File.ReadAllBytes(archive)));
}
