using ModelOps.Formats;

namespace ModelOps.Tests.Engine;

/// <summary>A copy of a GGUF file with other metadata, in a temporary folder: well-formed, but not what its tensors need.</summary>
internal sealed class EditedGguf : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("modelops-engine-").FullName;

    public EditedGguf(string source, Action<GgufMetadata> edit)
    {
        GgufFile file = GgufFile.Read(source);
        GgufMetadata metadata = new();
        foreach ((string key, object value) in file.Metadata)
        {
            metadata.Set(key, value);
        }
        edit(metadata);
        GgufLayout layout = GgufLayout.Create(metadata, [.. file.Tensors.Select(tensor => new GgufTensorSpec(tensor.Name, tensor.Type, tensor.Shape))]);
        byte[] original = File.ReadAllBytes(source);
        byte[] copy = new byte[layout.FileBytes];
        layout.Header.CopyTo(copy);
        foreach ((GgufTensor from, GgufTensor to) in file.Tensors.Zip(layout.Tensors))
        {
            original.AsSpan((int)from.Offset, (int)from.Bytes).CopyTo(copy.AsSpan((int)to.Offset));
        }
        Path = System.IO.Path.Combine(_folder, "edited.gguf");
        File.WriteAllBytes(Path, copy);
    }

    public string Path { get; }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
