using System.Text.Json;
using ModelOps.Tests.Grammar;
using Xunit;

namespace ModelOps.Tests.Engine;

/// <summary>What the engine writes under a grammar, with a model that never saw JSON and at a temperature at which it writes anything.</summary>
public sealed class GrammarTests(DemoModels models)
{
    private static readonly GenerationRequest Wild = new() { Prompt = "Once", Raw = true, Temperature = 2, TopK = 0, TopP = 1, MaxTokens = 400 };

    [Fact]
    public async Task AnswersUnderRandomSchemasAreValid()
    {
        using var engine = await models.Load("demo-llama", "Q8_0", contextLength: 512);
        var random = new Random(5);
        var schemas = new RandomSchemas(random);
        List<(string, IReadOnlyList<string>)> answers = [];
        var cut = 0;
        for (var index = 0; index < 40; index++)
        {
            var schema = schemas.Next().ToJsonString();
            string grammar;
            try
            {
                grammar = JsonSchemaGrammar.FromSchema(schema);
            }
            catch (ModelOpsException exception) when (exception.Kind == ErrorKind.InvalidSchema)
            {
                continue;
            }
            var answer = await engine.GenerateAsync(Wild with { Grammar = grammar, Seed = (uint)index });
            if (answer.FinishReason == FinishReason.Length)
                cut++;
            else
                answers.Add((schema, [answer.Text]));
        }
        Assert.InRange(cut, 0, 15);
        Assert.InRange(answers.Count, 20, 40);
        SchemaOracle.AllValid(answers);
    }

    [Fact]
    public async Task AnyJsonIsAnObjectOrAnArray()
    {
        using var engine = await models.Load("demo-llama", "Q8_0");
        var answer = await engine.GenerateAsync(Wild with { Grammar = JsonSchemaGrammar.AnyJson, Temperature = 0, MaxTokens = 60 });
        Assert.Contains(answer.Text[0], "{[");
        if (answer.FinishReason == FinishReason.Stop)
            JsonDocument.Parse(answer.Text).Dispose();
        else
            Assert.Equal(ErrorKind.AnswerCutOff, Assert.Throws<ModelOpsException>(answer.RequireWhole).Kind);
    }

    [Theory]
    [InlineData("root ::= \"yes\" | \"no\"", "^(yes|no)$")]
    [InlineData("root ::= [a-c]{3} \"-\" [0-9]", "^[a-c]{3}-[0-9]$")]
    [InlineData("root ::= \"é\" \"😀\"?", "^é(😀)?$")]
    public async Task GrammarsOfPeopleAreObeyed(string grammar, string pattern)
    {
        using var engine = await models.Load("demo-llama", "Q8_0");
        for (uint seed = 0; seed < 5; seed++)
        {
            var answer = await engine.GenerateAsync(Wild with { Grammar = grammar, Seed = seed, MaxTokens = 40 });
            Assert.Equal(FinishReason.Stop, answer.FinishReason);
            Assert.Matches(pattern, answer.Text);
        }
    }

    [Fact]
    public async Task AGrammarThatTheVocabularyCannotWriteIsTheAskersMistake()
    {
        using var engine = await models.Load("demo-llama", "Q8_0");
        var biases = Enumerable.Range(0, engine.VocabularySize).ToDictionary(token => token, _ => float.NegativeInfinity);
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => engine.GenerateAsync(Wild with { Grammar = "root ::= \"a\"", LogitBias = biases }));
        Assert.Equal(ErrorKind.InvalidGrammar, error.Kind);
        Assert.Single((await engine.GenerateAsync(Wild with { MaxTokens = 1 })).Tokens);
    }

    [Fact]
    public async Task BadGrammarsAreRefusedAndTheEngineGoesOn()
    {
        using var engine = await models.Load("demo-llama", "Q8_0");
        var error = await Assert.ThrowsAsync<ModelOpsException>(() => engine.GenerateAsync(Wild with { Grammar = "root ::= root" }));
        Assert.Equal(ErrorKind.InvalidGrammar, error.Kind);
        Assert.Single((await engine.GenerateAsync(Wild with { MaxTokens = 1 })).Tokens);
    }
}
