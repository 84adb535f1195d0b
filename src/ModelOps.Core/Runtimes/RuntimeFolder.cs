using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ModelOps.Runtimes;

/// <summary>What was unpacked, beside it: written last, so that a folder with a manifest is whole.</summary>
internal sealed record RuntimeManifest(RuntimeBackend Backend, string Platform, IReadOnlyList<RuntimePackage> Packages, IReadOnlyList<RuntimeFile> Files, DateTimeOffset AddedAt);

/// <summary>A file of a runtime.</summary>
internal sealed record RuntimeFile(string Name, long Bytes, string Sha256);

/// <summary>What the user chose.</summary>
internal sealed record RuntimeWish(RuntimeBackend Backend);

/// <summary>
/// The user's folder of runtimes: one folder a runtime, made elsewhere and renamed when it is whole, so that an interrupted addition leaves nothing that could be
/// taken for one.
/// </summary>
internal sealed class RuntimeFolder(string root)
{
    private const string ManifestName = "manifest.json";
    private const string WishName = "chosen.json";
    private const string Staging = ".adding-";
    private const long MostJsonBytes = 1 << 20;

    public string Root => root;

    /// <summary><c>$XDG_DATA_HOME/modelops/runtimes</c> or <c>~/.local/share/…</c>; <c>~/Library/Application Support/…</c> on macOS, <c>%LOCALAPPDATA%</c> on Windows. Null for a user without a home.</summary>
    public static string? DefaultRoot(Func<string, string?> environment)
    {
        if (environment("XDG_DATA_HOME") is { Length: > 0 } data && Path.IsPathFullyQualified(data))
        {
            return Path.Combine(data, "modelops", "runtimes");
        }
        if (OperatingSystem.IsWindows())
        {
            return Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData) is { Length: > 0 } local ? Path.Combine(local, "ModelOps", "Runtimes") : null;
        }
        string home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify);
        return home.Length == 0 ? null : OperatingSystem.IsMacOS() ? Path.Combine(home, "Library", "Application Support", "modelops", "runtimes") : Path.Combine(home, ".local", "share", "modelops", "runtimes");
    }

    /// <summary>Where a runtime lies, or would: another version has another folder.</summary>
    public string PathOf(RuntimeBackend backend, string platform, string version) => Path.Combine(root, $"{platform}-{RuntimeNames.Of(backend)}-{version}");

    /// <summary>What a runtime's folder says of itself; null where it says nothing.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public static RuntimeManifest? Read(string folder)
        => ReadJson(Path.Combine(folder, ManifestName), RuntimeJson.Default.RuntimeManifest, "Add the runtime again: modelops runtime add");

    /// <summary>What differs between a runtime's folder and its manifest, as a sentence; null when they agree. By names and sizes: digests are for the addition.</summary>
    public static string? Fault(string folder, RuntimeManifest manifest, IReadOnlyList<RuntimePackage> pins)
        => !manifest.Packages.SequenceEqual(pins) ? "It is of other packages than this version of ModelOps pins."
            : manifest.Files.FirstOrDefault(file => !(new FileInfo(Path.Combine(folder, file.Name)) is { Exists: true } info && info.Length == file.Bytes)) is { } wrong
                ? $"'{wrong.Name}' is missing or has another size." : null;

    /// <summary>The user's own choice; null where there is none.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public RuntimeBackend? Wish => ReadJson(Path.Combine(root, WishName), RuntimeJson.Default.RuntimeWish, "Choose again: modelops runtime use auto")?.Backend;

    /// <summary>Keeps the user's choice; null takes it away.</summary>
    public void Choose(RuntimeBackend? backend) => Writing(() =>
    {
        string path = Path.Combine(root, WishName);
        if (backend is { } wish)
        {
            Directory.CreateDirectory(root);
            string partial = $"{path}.{Environment.ProcessId}.tmp";
            File.WriteAllBytes(partial, JsonSerializer.SerializeToUtf8Bytes(new RuntimeWish(wish), RuntimeJson.Default.RuntimeWish));
            File.Move(partial, path, overwrite: true);
        }
        else
        {
            File.Delete(path);
        }
    });

    /// <summary>Makes a runtime: <paramref name="fill"/> puts its files into an empty folder that nobody else reads.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.StoreInUse"/>, <see cref="ErrorKind.StoreNotWritable"/>, <see cref="ErrorKind.InsufficientDiskSpace"/>, and what <paramref name="fill"/> throws.</exception>
    public async Task AddAsync(string target, RuntimeBackend backend, string platform, IReadOnlyList<RuntimePackage> packages, TimeProvider time, Func<string, Task> fill)
    {
        using FileStream hold = Hold();
        // Whoever was interrupted holds no lock any more.
        foreach (string abandoned in Directory.GetDirectories(root, Staging + "*"))
        {
            Delete(abandoned);
        }
        string staging = Path.Combine(root, Staging + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6)));
        try
        {
            CreatePrivate(staging);
            await fill(staging).ConfigureAwait(false);
            List<RuntimeFile> files = [];
            foreach (FileInfo file in new DirectoryInfo(staging).EnumerateFiles().OrderBy(file => file.Name, StringComparer.Ordinal))
            {
                FileStream content = file.OpenRead();
                await using (content.ConfigureAwait(false))
                {
                    files.Add(new RuntimeFile(file.Name, file.Length, Convert.ToHexStringLower(await SHA256.HashDataAsync(content).ConfigureAwait(false))));
                }
            }
            await File.WriteAllBytesAsync(Path.Combine(staging, ManifestName),
                JsonSerializer.SerializeToUtf8Bytes(new RuntimeManifest(backend, platform, packages, files, time.GetUtcNow()), RuntimeJson.Default.RuntimeManifest)).ConfigureAwait(false);
            if (Directory.Exists(target))
            {
                Delete(target);
            }
            Directory.Move(staging, target);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Refused(exception);
        }
        finally
        {
            if (Directory.Exists(staging))
            {
                Delete(staging);
            }
        }
    }

    /// <summary>Removes a runtime's folder.</summary>
    public void Remove(string folder)
    {
        using FileStream hold = Hold();
        Delete(folder);
    }

    // Renamed first: half of a folder must not pass for a runtime.
    private void Delete(string folder) => Writing(() =>
    {
        string gone = Path.Combine(root, Staging + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6)));
        Directory.Move(folder, gone);
        Directory.Delete(gone, recursive: true);
    });

    private FileStream Hold()
    {
        Writing(() => CreatePrivate(root));
        try
        {
            return new FileStream(Path.Combine(root, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw Refused(exception);
        }
        catch (IOException exception)
        {
            throw new ModelOpsException(ErrorKind.StoreInUse, $"Another process is changing the runtimes in '{root}'.", "Wait for it to end, then try again.", exception);
        }
    }

    // What lies here is loaded into processes of this user: nobody else may write.
    private static void CreatePrivate(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
            return;
        }
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private void Writing(Action write)
    {
        try
        {
            write();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Refused(exception);
        }
    }

    private ModelOpsException Refused(Exception exception) => Hardware.DiskSpace.IsFull(exception)
        ? new(ErrorKind.InsufficientDiskSpace, $"The disk of '{root}' is full.", "Free some space, or set XDG_DATA_HOME to a folder on another disk.", exception)
        : new(ErrorKind.StoreNotWritable, $"The runtimes in '{root}' cannot be changed: {exception.Message}", "Check its permissions, and whether a program runs on that runtime (on Windows it then cannot be replaced).", exception);

    private static T? ReadJson<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type, string hint) where T : class
    {
        try
        {
            return File.Exists(path) && new FileInfo(path).Length <= MostJsonBytes ? JsonSerializer.Deserialize(File.ReadAllBytes(path), type) : null;
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            throw new ModelOpsException(ErrorKind.CorruptFile, $"'{path}' cannot be read: {exception.Message}", hint, exception);
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, UseStringEnumConverter = true, RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(RuntimeManifest))]
[JsonSerializable(typeof(RuntimeWish))]
internal sealed partial class RuntimeJson : JsonSerializerContext;
