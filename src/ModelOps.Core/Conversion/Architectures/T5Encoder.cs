namespace ModelOps.Conversion;

/// <summary>The encoder of a T5 alone, for embeddings or as the reader of an image model's prompts.</summary>
internal sealed class T5Encoder : T5
{
    public override IReadOnlyList<string> ClassNames => ["T5EncoderModel", "MT5EncoderModel", "UMT5EncoderModel"];

    public override string Name => "t5encoder";

    public override TensorTable Tensors(CheckpointConfig config)
    {
        var table = new TensorTable(Layers(config));
        AddEncoder(table, config);
        return table;
    }

    protected override void DescribeDecoder(CheckpointConfig config, GgufMetadata metadata)
    {
    }

    protected override void DescribeStart(CheckpointConfig config, GgufMetadata metadata)
    {
    }
}
