using System.Text;
using ModelOps.Templates;
using ModelOps.Tests.Grammar;
using ModelOps.Tests.Templates;

namespace ModelOps.Tests.Fuzzing;

/// <summary>Mutated chat templates and JSON schemas: each number of a seed is the same everywhere.</summary>
internal sealed class TextFuzz
{
    private static readonly DateTimeOffset Time = new(2026, 7, 4, 9, 5, 3, TimeSpan.Zero);

    // Small limits: a mutant that runs away is to be stopped soon, by the very counters that stop it in earnest.
    private static readonly TemplateLimits Limits = new() { Steps = 50_000, Characters = 1 << 20, TextLength = 1 << 18 };

    private readonly TemplateMutator _mutator = new();

    /// <summary>Renders a mutated template; whether it could be. Anything but a <see cref="ModelOpsException"/> that says why not is a finding.</summary>
    public bool Template(int seed, long number)
    {
        var random = Random(seed, number);
        var (mutant, variables) = _mutator.Next(random);
        try
        {
            var text = ChatTemplate.Parse(mutant, Limits).Render([], random.Next(2) == 0, "<s>", "</s>", variables, Time);
            return text.Length <= Limits.TextLength ? true : throw new InvalidOperationException($"A text of {text.Length} characters.");
        }
        catch (ModelOpsException e) when (e.Kind is ErrorKind.InvalidTemplate or ErrorKind.InvalidArgument)
        {
            return false;
        }
    }

    /// <summary>Makes a grammar of a random schema, as it is or mutated; whether there is one. It must hold to the rules of its own language.</summary>
    public static bool Schema(int seed, long number)
    {
        var random = Random(seed, number);
        var json = Encoding.UTF8.GetBytes(new RandomSchemas(random).Next().ToJsonString());
        for (var mutations = random.Next(4); mutations > 0; mutations--)
            json = JsonMutator.Mutate(json, random);
        string grammar;
        try
        {
            grammar = JsonSchemaGrammar.FromSchema(Encoding.UTF8.GetString(json));
        }
        catch (ModelOpsException e) when (e.Kind is ErrorKind.InvalidSchema)
        {
            return false;
        }
        GbnfGrammar.Check(grammar);
        return true;
    }

    private static Random Random(int seed, long number) => new(HashCode(seed, number));

    // System.HashCode differs from process to process.
    private static int HashCode(int seed, long number) => unchecked((int)(((ulong)number + 1) * 0x9E3779B97F4A7C15 >> 32) ^ (seed * 0x5BD1E995));
}
