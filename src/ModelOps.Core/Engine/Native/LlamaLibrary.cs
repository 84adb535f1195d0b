using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using ModelOps.Runtimes;

namespace ModelOps.Engine;

/// <summary>The three libraries of one llama.cpp build, by absolute path.</summary>
internal sealed record LlamaFiles(string Directory, string GgmlBase, string Ggml, string Llama);

/// <summary>
/// Finds, loads and checks the llama.cpp libraries, once a process. Only absolute paths are loaded, never a bare name that the loader
/// would look for in the current directory.
/// </summary>
internal static unsafe partial class LlamaLibrary
{
    /// <summary>The version that the structs of this namespace are written for.</summary>
    public const string PinnedVersion = "0.4.0";

    /// <summary>Environment variable that points at another build of the pinned version.</summary>
    public const string DirectoryVariable = ModelRuntimes.DirectoryVariable;

    private const string Hint = "Set MODELOPS_LLAMA_DIR to the folder that holds libllama, libggml and the libggml-cpu backends of llama.cpp v" + PinnedVersion
        + ", or reinstall ModelOps, which brings them.";

    private static readonly Lock Gate = new();
    private static LlamaApi? _api;
    private static string? _directory;
    private static string? _warning;

    /// <summary>Why the libraries that were loaded compute on the CPU although they bring a GPU backend, as a sentence; null where a GPU is there, or none was meant.</summary>
    public static string? Warning => Volatile.Read(ref _warning);

    /// <summary>The engine's functions; loads the libraries at the first call.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/>.</exception>
    public static LlamaApi Load(string? directory)
    {
        LlamaFiles files = Locate(directory);
        lock (Gate)
        {
            if (_api is null)
            {
                _api = LoadOnce(files);
                _directory = files.Directory;
                Volatile.Write(ref _warning, MissingGpu.Explain(files.Directory, _api.Devices));
            }
            else if (_directory != files.Directory)
            {
                throw new ModelOpsException(ErrorKind.EngineNotFound, $"This process has already loaded llama.cpp from {_directory} and cannot load a second one from {files.Directory}.",
                    "Start a new process for the other build.");
            }
            return _api;
        }
    }

    /// <summary>The libraries in <paramref name="directory"/>, or of the runtime that is chosen (<see cref="ModelRuntimes.Choose"/>).</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/>.</exception>
    public static LlamaFiles Locate(string? directory) => Locate(directory, string.IsNullOrEmpty(directory) ? ChosenDirectory() : null, BundledRuntime.Bases);

    /// <summary>
    /// Looks for the libraries: in <paramref name="directory"/>, else in <paramref name="variable"/> (the value of
    /// <see cref="DirectoryVariable"/>), else in <c>llama/&lt;platform&gt;/</c> under the base directories.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/>.</exception>
    public static LlamaFiles Locate(string? directory, string? variable, IEnumerable<string> baseDirectories)
    {
        string? chosen = !string.IsNullOrEmpty(directory) ? directory : !string.IsNullOrEmpty(variable) ? variable : null;
        string[] candidates = chosen is null ? [.. baseDirectories.SelectMany(PlatformDirectories).Distinct(StringComparer.Ordinal)] : [Path.GetFullPath(chosen)];
        return candidates.Select(Find).FirstOrDefault(files => files is not null) ?? throw new ModelOpsException(
            ErrorKind.EngineNotFound,
            chosen is null ? $"The llama.cpp libraries were not found in {string.Join(" or ", candidates)}." : $"The folder {chosen} does not hold the llama.cpp libraries.",
            Hint);
    }

    /// <summary>The folder that a session would load from: MODELOPS_LLAMA_DIR, or the chosen runtime's; null where there is none.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.EngineNotFound"/> or <see cref="ErrorKind.InvalidArgument"/> when a runtime was asked for that cannot be had.</exception>
    public static string? ChosenDirectory() => new ModelRuntimes().Choose().Directory;

    /// <summary>
    /// The GPU backends that the libraries bring which a session would load, by ggml's names in lower case; null where there are no libraries.
    /// Told from the files' names: loading them is for the process that runs models.
    /// </summary>
    public static IReadOnlyList<string>? GpuBackends()
        => ChosenDirectory() is { } directory ? GpuBackendsIn(directory) : null;

    /// <summary>
    /// The build that a session would load, by version and a digest of its libraries' names and sizes; null where there is none. Told from the files:
    /// loading them is for the process that runs models.
    /// </summary>
    public static string? Build(string? directory = null)
    {
        string? chosen = !string.IsNullOrEmpty(directory) ? directory : ChosenDirectory();
        if (chosen is null || Find(Path.GetFullPath(chosen)) is not { } files)
        {
            return null;
        }
        string listing = string.Join('\n', new DirectoryInfo(files.Directory).EnumerateFiles().Where(file => LibraryName().IsMatch(file.Name)).OrderBy(file => file.Name, StringComparer.Ordinal)
            .Select(file => $"{file.Name} {file.Length}"));
        return $"llama.cpp {PinnedVersion} {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(listing)).AsSpan(0, 4))}";
    }

    [GeneratedRegex(@"(llama|ggml).*\.(dll|dylib|so)\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex LibraryName();

    /// <summary>The GPU backends among the libraries of a folder; null where there are no libraries.</summary>
    public static IReadOnlyList<string>? GpuBackendsIn(string directory)
        => Find(Path.GetFullPath(directory)) is not { } files ? null : [.. GpuLibraries(files.Directory).Select(library => library.Backend).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The files of GPU backends in a folder.</summary>
    public static IEnumerable<(string Backend, string Path)> GpuLibraries(string directory)
        => Directory.EnumerateFiles(directory).Order(StringComparer.Ordinal).Select(path => (GpuBackend().Match(Path.GetFileName(path)), path)).Where(entry => entry.Item1.Success)
            .Select(entry => (entry.Item1.Groups["name"].Value.ToLowerInvariant(), entry.path));

    // libggml-vulkan.so is a backend to be loaded; libllama.metal.v0.4.0.dylib has it built in.
    [GeneratedRegex(@"\A(lib)?(ggml-|llama\.)(?<name>cuda|hip|metal|sycl|vulkan)([.-].*)?\.(dll|dylib|so)\z", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex GpuBackend();

    /// <summary>The folder names under which the npm packages ship this platform, GPU builds first where somebody put one.</summary>
    private static IEnumerable<string> PlatformDirectories(string baseDirectory)
    {
        string system = OperatingSystem.IsWindows() ? "win" : OperatingSystem.IsMacOS() ? "mac" : "linux";
        string platform = $"{system}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";
        return new[] { "-cuda", "-vulkan", "-metal", "" }.Select(backend => Path.Combine(Path.GetFullPath(baseDirectory), "llama", platform + backend));
    }

    private static LlamaFiles? Find(string directory)
    {
        if (!Directory.Exists(directory))
        {
            return null;
        }
        // File names carry backend and version (libllama.vulkan.v0.4.0.so); the longest is the most specific, and libggml must match it.
        string? llama = Candidates("llama").OrderByDescending(path => path.Length).FirstOrDefault();
        if (llama is null)
        {
            return null;
        }
        string suffix = Path.GetFileName(llama).Split("llama", 2)[1];
        string? ggml = Candidates("ggml").OrderByDescending(path => path.EndsWith("ggml" + suffix, StringComparison.Ordinal)).FirstOrDefault();
        string? ggmlBase = Candidates("ggml-base").OrderByDescending(path => path.EndsWith("ggml-base" + suffix, StringComparison.Ordinal)).FirstOrDefault();
        return ggml is null || ggmlBase is null ? null : new LlamaFiles(directory, ggmlBase, ggml, llama);

        IEnumerable<string> Candidates(string stem)
        {
            string extension = OperatingSystem.IsWindows() ? "dll" : OperatingSystem.IsMacOS() ? "dylib" : "so";
            Regex name = new($@"^(lib)?{stem}(\.[A-Za-z0-9._-]+)?\.{extension}$", RegexOptions.CultureInvariant);
            return Directory.EnumerateFiles(directory).Where(path => name.IsMatch(Path.GetFileName(path))).Order(StringComparer.Ordinal);
        }
    }

    private static LlamaApi LoadOnce(LlamaFiles files)
    {
        try
        {
            nint ggmlBase = NativeLibrary.Load(files.GgmlBase);
            nint ggml = NativeLibrary.Load(files.Ggml);
            nint llama = NativeLibrary.Load(files.Llama);
            CheckVersion(llama, files.Llama);
            LlamaApi api = new(llama, new GgmlDevices(ggml, ggmlBase));
            if (!EngineFingerprint.Matches(api))
            {
                throw new ModelOpsException(ErrorKind.EngineNotFound, $"{files.Llama} says it is v{PinnedVersion} but lays out its parameters differently.", Hint);
            }
            ((delegate* unmanaged[Cdecl]<delegate* unmanaged[Cdecl]<int, byte*, nint, void>, nint, void>)NativeLibrary.GetExport(llama, "llama_log_set"))(EngineLog.Callback, 0);
            EngineLog.Clear();
            fixed (byte* path = Encoding.UTF8.GetBytes(files.Directory + '\0'))
            {
                ((delegate* unmanaged[Cdecl]<byte*, void>)NativeLibrary.GetExport(ggml, "ggml_backend_load_all_from_path"))(path);
            }
            if (api.Devices.Count == 0)
            {
                throw new ModelOpsException(ErrorKind.EngineNotFound, EngineLog.Explain($"No backend of {files.Directory} runs on this machine."), Hint);
            }
            ((delegate* unmanaged[Cdecl]<void>)NativeLibrary.GetExport(llama, "llama_backend_init"))();
            return api;
        }
        catch (Exception exception) when (exception is DllNotFoundException or BadImageFormatException)
        {
            throw new ModelOpsException(ErrorKind.EngineNotFound, $"The llama.cpp libraries in {files.Directory} cannot be loaded: {exception.Message}", Hint, exception);
        }
        catch (EntryPointNotFoundException exception)
        {
            throw new ModelOpsException(ErrorKind.EngineNotFound, $"{files.Llama} is not llama.cpp v{PinnedVersion}: {exception.Message}", Hint, exception);
        }
    }

    private static void CheckVersion(nint llama, string path)
    {
        byte* text = ((delegate* unmanaged[Cdecl]<byte*>)NativeLibrary.GetExport(llama, "llama_version"))();
        string version = Marshal.PtrToStringUTF8((nint)text) ?? "";
        if (version.Split('-')[0] != PinnedVersion)
        {
            throw new ModelOpsException(ErrorKind.EngineNotFound, $"{path} is llama.cpp {version}; ModelOps is built for {PinnedVersion}.", Hint);
        }
    }
}
