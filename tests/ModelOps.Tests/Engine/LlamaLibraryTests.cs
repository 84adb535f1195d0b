using ModelOps.Engine;
using Xunit;

namespace ModelOps.Tests.Engine;

public sealed class LlamaLibraryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-natives-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_libraries_beside_the_assembly_are_found()
    {
        LlamaFiles files = LlamaLibrary.Locate(null, null, [AppContext.BaseDirectory]);
        Assert.All([files.GgmlBase, files.Ggml, files.Llama], path => Assert.True(Path.IsPathFullyQualified(path) && File.Exists(path)));
        Assert.Contains(LlamaLibrary.PinnedVersion, files.Llama, StringComparison.Ordinal);
        Assert.DoesNotContain("common", files.Llama, StringComparison.Ordinal);
        Assert.NotEqual(files.Ggml, files.GgmlBase);
    }

    [Fact]
    public void An_empty_folder_is_said_to_be_so_and_how_to_set_another()
    {
        foreach (Func<LlamaFiles> locate in (Func<LlamaFiles>[])[() => LlamaLibrary.Locate(_folder, null, []), () => LlamaLibrary.Locate(null, _folder, [AppContext.BaseDirectory]), () => LlamaLibrary.Locate(null, null, [_folder])])
        {
            ModelOpsException error = Assert.Throws<ModelOpsException>(() => { locate(); });
            Assert.Equal(ErrorKind.EngineNotFound, error.Kind);
            Assert.Contains(_folder, error.Message, StringComparison.Ordinal);
            Assert.Contains(LlamaLibrary.DirectoryVariable, error.Hint, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task An_engine_with_an_empty_library_folder_does_not_load()
    {
        ModelOpsException error = await Assert.ThrowsAsync<ModelOpsException>(() => LlamaEngine.LoadAsync(new EngineOptions { ModelPath = GoldenLogits.PathOf("llama", "f32"), LibraryDirectory = _folder }));
        Assert.Equal(ErrorKind.EngineNotFound, error.Kind);
    }

    [Fact]
    public void The_gpu_build_wins_and_its_libraries_go_together()
    {
        string extension = OperatingSystem.IsWindows() ? "dll" : OperatingSystem.IsMacOS() ? "dylib" : "so";
        foreach (string name in (string[])["libllama.v0.4.0", "libllama.vulkan.v0.4.0", "libllama-common", "libggml.v0.4.0", "libggml.vulkan.v0.4.0", "libggml-base", "libggml-cpu-x64", "libggml-vulkan"])
        {
            File.WriteAllBytes(Path.Combine(_folder, $"{name}.{extension}"), []);
        }
        LlamaFiles files = LlamaLibrary.Locate(_folder, "/nonexistent", []);
        Assert.Equal($"libllama.vulkan.v0.4.0.{extension}", Path.GetFileName(files.Llama));
        Assert.Equal($"libggml.vulkan.v0.4.0.{extension}", Path.GetFileName(files.Ggml));
        Assert.Equal($"libggml-base.{extension}", Path.GetFileName(files.GgmlBase));
    }

    [Fact]
    public unsafe void A_library_whose_defaults_differ_in_any_field_is_another_build()
    {
        LlamaApi api = LlamaLibrary.Load(null);
        LlamaModelParams model = api.ModelDefaultParams();
        LlamaContextParams context = api.ContextDefaultParams();
        Assert.True(EngineFingerprint.Matches(model, context));

        LlamaModelParams otherModel = model;
        otherModel.UseExtraBuffers = 0;
        Assert.False(EngineFingerprint.Matches(otherModel, context));
        LlamaContextParams otherContext = context;
        otherContext.UnifiedCache = 1;
        Assert.False(EngineFingerprint.Matches(model, otherContext));
    }
}
