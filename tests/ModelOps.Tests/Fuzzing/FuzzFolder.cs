namespace ModelOps.Tests.Fuzzing;

/// <summary>
/// A folder to try inputs in, one after the other: each origin's files are there once, only what is mutated is written, and put back. Best on
/// a file system in memory. After a crash the input lies there.
/// </summary>
internal sealed class FuzzFolder(string root)
{
    /// <summary>Files of more bytes are planned, not written: the mutations are of headers.</summary>
    private const long MaximumOutput = 8 << 20;

    /// <summary>Gives an input to its reader; only a <see cref="ModelOpsException"/> may come out, and is the answer then. Null when all went well.</summary>
    public ModelOpsException? Try(FuzzInput input)
    {
        try
        {
            switch (input.Target)
            {
                case FuzzTarget.Safetensors:
                    SafetensorsFile.Read(new MemoryStream(input.Changed[""]), input.Changed[""].Length);
                    break;
                case FuzzTarget.Gguf:
                    GgufFile.Read(new MemoryStream(input.Changed[""]), input.Changed[""].Length);
                    break;
                case FuzzTarget.GgufPlan:
                    var file = Path.Combine(Directory.CreateDirectory(root).FullName, "mutated.gguf");
                    File.WriteAllBytes(file, input.Changed[""]);
                    Convert(file, input, new ConversionOptions { Type = input.Type });
                    break;
                default:
                    TryFolder(input);
                    break;
            }
            return null;
        }
        catch (ModelOpsException exception)
        {
            return exception;
        }
    }

    private void TryFolder(FuzzInput input)
    {
        var folder = Place(input.Seed!);
        var model = Path.Combine(TestPaths.Golden("llama"), "hf");
        try
        {
            foreach (var (name, bytes) in input.Changed)
                File.WriteAllBytes(Path.Combine(folder, name), bytes);
            var options = new ConversionOptions { Type = input.Type, Threads = 1, Projector = input.Target == FuzzTarget.Projector };
            switch (input.Target)
            {
                case FuzzTarget.Adapter:
                    Convert(folder, input, options with { BaseModel = model });
                    break;
                case FuzzTarget.Merge:
                    Convert(model, input, options with { Adapters = [new AdapterMerge(folder)] });
                    break;
                default:
                    Convert(folder, input, options);
                    break;
            }
        }
        finally
        {
            foreach (var name in input.Changed.Keys)
                File.WriteAllBytes(Path.Combine(folder, name), input.Seed!.Files[name]);
        }
    }

    private void Convert(string source, FuzzInput input, ConversionOptions options)
    {
        var plan = ConversionPlan.Create(source, Path.Combine(root, "output.gguf"), options with { Overwrite = true });
        if (input.Runs && plan.Bytes <= MaximumOutput)
            ModelConverter.RunAsync(plan).GetAwaiter().GetResult();
    }

    private string Place(FuzzCorpus.Seed seed)
    {
        var folder = Path.Combine(root, seed.Name);
        if (Directory.Exists(folder))
            return folder;
        foreach (var (name, bytes) in seed.Files)
        {
            var path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, bytes);
        }
        return folder;
    }
}
