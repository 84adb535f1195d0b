using System.Text.Json;

namespace ModelOps.Grammar;

/// <summary>
/// Compiles a JSON schema to rules of which every text is valid under the schema. Not every valid text is among them: properties come in the order in
/// which they are declared and undeclared ones are left out, patterns are taken for whole texts. What cannot be promised so is refused by name.
/// </summary>
internal sealed class SchemaCompiler
{
    // Keywords that forbid texts and of which no grammar of practical size knows which.
    private static readonly (string Keyword, string Hint)[] Refused =
    [
        ("not", "Say what is wanted instead of what is not."),
        ("if", "Use anyOf with a schema for each case."),
        ("contains", "Use prefixItems, or check the answer afterwards."),
        ("dependentRequired", "Use anyOf with a schema for each case."),
        ("dependentSchemas", "Use anyOf with a schema for each case."),
        ("dependencies", "Use anyOf with a schema for each case."),
        ("unevaluatedItems", "Use items: false beside prefixItems."),
        ("$dynamicRef", "Use $ref."),
        ("$recursiveRef", "Use $ref."),
    ];

    private readonly SchemaDocument _document;
    private readonly GrammarRules _rules = new();
    private readonly Dictionary<string, Reference> _compiled = new(StringComparer.Ordinal);
    private readonly Queue<(string Name, Conjunction Conjunction)> _open = new();

    private SchemaCompiler(SchemaDocument document)
    {
        _document = document;
        Json = new JsonGrammar(_rules);
    }

    public JsonGrammar Json { get; }

    public static GrammarRules Compile(SchemaDocument document)
    {
        var compiler = new SchemaCompiler(document);
        compiler._rules.Reserve(GrammarRules.Root);
        compiler._rules.Define(GrammarRules.Root, compiler.Rule([document.Root], "value"));
        // By a queue and not by recursion: schemas refer to one another as deep as they like.
        while (compiler._open.TryDequeue(out var rule))
            compiler._rules.Define(rule.Name, compiler.Build(rule.Conjunction));
        if (!compiler._rules.Prune())
            throw SchemaErrors.Invalid("", "no finite value satisfies it", "Look for a required property that holds its own object, for bounds the wrong way round, or for types that exclude one another.");
        compiler._rules.CheckBeginnings(problem => SchemaErrors.Invalid("", $"it has no beginning: {problem}", "Look for an anyOf or $ref that leads back to itself."));
        return compiler._rules;
    }

    /// <summary>The rule of schemas that must all hold.</summary>
    public Expression Rule(IEnumerable<Subschema> schemas, string wish, IEnumerable<string>? chosen = null)
    {
        var conjunction = Conjunction.Of(_document, schemas, chosen);
        if (conjunction.IsNever)
            return Expression.Nothing;
        if (conjunction.Members.Count == 0)
            return Json.Value;
        var key = conjunction.Key;
        if (!_compiled.TryGetValue(key, out var reference))
        {
            _compiled[key] = reference = new Reference(_rules.Reserve(wish));
            _open.Enqueue((reference.Rule, conjunction));
        }
        return reference;
    }

    /// <summary>An expression that is used more than once, as a rule; short ones as they are.</summary>
    public Expression Share(Expression expression, string wish) => expression is Reference or Literal or Sequence { Parts.Count: 0 } ? expression : _rules.Add(wish, expression);

    private Expression Build(Conjunction schemas)
    {
        foreach (var (keyword, hint) in Refused)
        {
            foreach (var found in schemas.All(keyword))
                throw SchemaErrors.Unsupported(found.Pointer, $"'{keyword}'", hint);
        }
        foreach (var keyword in (string[])["anyOf", "oneOf"])
        {
            foreach (var choice in schemas.All(keyword).Where(choice => !schemas.Chosen.Contains(choice.Pointer)))
                return Choose(schemas, choice, exclusive: keyword == "oneOf");
        }
        var types = schemas.Types();
        if (schemas.Values() is { } values)
            return Values(schemas, values, types);
        if (types == JsonTypes.Any && schemas.All("type").FirstOrDefault().Element.ValueKind == JsonValueKind.Undefined)
            return Json.Value;

        List<Expression> alternatives = [];
        if (types.HasFlag(JsonTypes.Object))
            alternatives.Add(ObjectGrammar.Build(this, schemas));
        if (types.HasFlag(JsonTypes.Array))
            alternatives.Add(ArrayGrammar.Build(this, schemas));
        if (types.HasFlag(JsonTypes.String))
            alternatives.Add(StringGrammar.Build(Json, schemas));
        if ((types & JsonTypes.Number) != 0)
            alternatives.Add(NumberSchema.Build(schemas, types));
        if (types.HasFlag(JsonTypes.Boolean))
            alternatives.Add(Json.Boolean);
        if (types.HasFlag(JsonTypes.Null))
            alternatives.Add(Expression.Of("null"));
        return Expression.Any([.. alternatives]);
    }

    private Expression Choose(Conjunction schemas, Subschema choice, bool exclusive)
    {
        List<Subschema> branches = [.. choice.Items()];
        if (branches.Count == 0)
            throw SchemaErrors.Invalid(choice.Pointer, "there is nothing to choose from");
        var owner = choice.Pointer[..choice.Pointer.LastIndexOf('/')];
        foreach (var branch in branches.Where(branch => Conjunction.Of(_document, [branch]).Members.Any(member => member.Pointer == owner)))
            throw SchemaErrors.Invalid(branch.Pointer, "it leads back to the choice that it is of", "Look for an anyOf or $ref that leads back to itself.");
        if (exclusive && branches.Count > 1)
            new Exclusion(_document, schemas.Members).Check(choice.Pointer, branches);
        return Expression.Any([.. branches.Select(branch => Rule([.. schemas.Members, branch], "choice", [.. schemas.Chosen, choice.Pointer]))]);
    }

    private static Expression Values(Conjunction schemas, List<string> values, JsonTypes types)
    {
        foreach (var keyword in (string[])["pattern", "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "properties", "required", "patternProperties", "additionalProperties", "unevaluatedProperties", "propertyNames", "minProperties", "maxProperties", "items", "prefixItems", "minItems", "maxItems", "uniqueItems"])
        {
            foreach (var found in schemas.All(keyword))
                throw SchemaErrors.Unsupported(found.Pointer, $"'{keyword}' beside named values", "Leave out the values that it forbids, and the keyword.");
        }
        // By 'type' alone: keywords beside named values hint at nothing.
        var told = schemas.All("type").Any() ? types : JsonTypes.Any;
        return Expression.Any([.. values.Where(value => told.HasFlag(Conjunction.TypeOf(value))).Select(Expression.Of)]);
    }
}
