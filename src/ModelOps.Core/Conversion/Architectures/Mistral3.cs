namespace ModelOps.Conversion;

/// <summary>Mistral Small 3.1 and 3.2, Magistral and Devstral, which see: Mistral's language model inside a multimodal checkpoint.</summary>
internal sealed class Mistral3 : Mistral
{
    public override IReadOnlyList<string> ClassNames => ["Mistral3ForConditionalGeneration"];

    public override string Name => "mistral3";

    /// <summary>The one for the language model that is inside.</summary>
    public override Architecture Refine(Checkpoint checkpoint) => checkpoint.Config.FindText("model_type") switch
    {
        "ministral3" => new Ministral3(),
        null or "mistral" or "mistral3" => this,
        var other => throw new ModelOpsException(ErrorKind.UnsupportedArchitecture, $"{checkpoint.Config.Path}: {ClassNames[0]} with a language model of the type '{other}' cannot be converted."),
    };
}
