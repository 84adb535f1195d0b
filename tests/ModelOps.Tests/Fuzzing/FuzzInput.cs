namespace ModelOps.Tests.Fuzzing;

/// <summary>Which reader an input is for.</summary>
internal enum FuzzTarget
{
    /// <summary>The header of a safetensors file, from memory.</summary>
    Safetensors,

    /// <summary>The header of a GGUF file, from memory.</summary>
    Gguf,

    /// <summary>A conversion of a GGUF file.</summary>
    GgufPlan,

    /// <summary>A conversion of a checkpoint: config.json, tokenizer, weights, whatever else it has.</summary>
    Checkpoint,

    /// <summary>The same of its vision tower.</summary>
    Projector,

    /// <summary>A conversion of an adapter.</summary>
    Adapter,

    /// <summary>A conversion of a checkpoint that an adapter is merged into.</summary>
    Merge,
}

/// <summary>A mutated input, wholly determined by a seed and a number.</summary>
/// <param name="Target">Which reader it is for.</param>
/// <param name="Origin">What it was made from.</param>
/// <param name="Changed">The files that were mutated, by name; one without a name for a file in memory.</param>
/// <param name="Seed">The folder that they are in; null for a single file.</param>
/// <param name="Type">The recipe.</param>
/// <param name="Runs">Whether a plan is also run.</param>
internal sealed record FuzzInput(FuzzTarget Target, string Origin, IReadOnlyDictionary<string, byte[]> Changed, FuzzCorpus.Seed? Seed, string Type, bool Runs)
{
    private static readonly string[] Types = ["F32", "BF16", "F16", "Q8_0", "Q4_0"];

    public static FuzzInput Create(FuzzCorpus corpus, int seed, long number)
    {
        // Of a seed and a number, the same everywhere and for ever.
        var random = new Random(unchecked((int)((((ulong)seed << 32) ^ ((ulong)number * 0x9E3779B97F4A7C15)) >> 17)));
        var (type, runs) = (Types[random.Next(Types.Length)], random.Next(4) == 0);
        switch (random.Next(100))
        {
            case < 30:
                return Single(FuzzTarget.Safetensors, corpus.Safetensors, SafetensorsMutator.Mutate);
            case < 60:
                return Single(FuzzTarget.Gguf, corpus.Gguf, GgufMutator.Mutate);
            case < 64:
                return Single(FuzzTarget.GgufPlan, corpus.Gguf, GgufMutator.Mutate);
            case < 92:
                return Folder(FuzzTarget.Checkpoint, corpus.Checkpoints[random.Next(corpus.Checkpoints.Count)]);
            case < 94:
                return Folder(FuzzTarget.Projector, corpus.Towers[random.Next(corpus.Towers.Count)]);
            case < 97:
                return Folder(FuzzTarget.Adapter, corpus.Adapters[random.Next(corpus.Adapters.Count)]);
            default:
                return Folder(FuzzTarget.Merge, corpus.Adapters[random.Next(corpus.Adapters.Count)]);
        }

        FuzzInput Single(FuzzTarget target, IReadOnlyList<byte[]> files, Func<byte[], Random, byte[]> mutate)
        {
            var index = random.Next(files.Count);
            return new FuzzInput(target, $"{target} {index}", new Dictionary<string, byte[]> { [""] = Repeat(files[index], mutate) }, null, type, runs);
        }

        FuzzInput Folder(FuzzTarget target, FuzzCorpus.Seed origin)
        {
            var names = origin.Files.Keys.ToList();
            var changed = new Dictionary<string, byte[]>(StringComparer.Ordinal);
            for (var i = random.Next(4) == 0 ? 2 : 1; i > 0; i--)
            {
                // What says what the model is half the time: it decides what becomes of the rest.
                var name = random.Next(2) == 0 && origin.Files.ContainsKey("config.json") ? "config.json" : names[random.Next(names.Count)];
                changed[name] = Repeat(origin.Files[name], MutatorOf(name));
            }
            return new FuzzInput(target, origin.Name, changed, origin, type, runs);
        }

        byte[] Repeat(byte[] file, Func<byte[], Random, byte[]> mutate)
        {
            for (var i = random.Next(3) == 0 ? random.Next(1, 5) : 1; i > 0; i--)
                file = mutate(file, random);
            return file;
        }
    }

    private static Func<byte[], Random, byte[]> MutatorOf(string name) => Path.GetExtension(name) switch
    {
        ".json" => JsonMutator.Mutate,
        ".safetensors" => SafetensorsMutator.Mutate,
        ".model" => ProtobufMutator.Mutate,
        _ => ByteMutator.Mutate,
    };
}
