namespace ModelOps.Conversion;

/// <summary>
/// CamemBERT: RoBERTa with a Unigram tokenizer whose tokens tokenizer.json numbers. (llama.cpp's converter takes it for BERT: WordPiece,
/// and positions that start at 0.)
/// </summary>
internal sealed class Camembert : XlmRoberta
{
    public override IReadOnlyList<string> ClassNames => ["CamembertModel", "CamembertForMaskedLM"];

    public override ArchitectureEvidence Evidence => ArchitectureEvidence.ReferenceForward;

    public override TokenizerTraits Tokenizer { get; } = new() { AllowsUnigram = true, HasTokenTypes = true };
}
