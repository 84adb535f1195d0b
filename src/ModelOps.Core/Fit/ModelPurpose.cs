using System.Text.Json.Serialization;

namespace ModelOps;

/// <summary>What a model is for, as far as its header tells; by name in JSON.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<ModelPurpose>))]
public enum ModelPurpose
{
    /// <summary>Writes text, a token after the other.</summary>
    Text,
    /// <summary>Reads a text whole and writes none: embeds or ranks it.</summary>
    Embedding,
    /// <summary>Reads with an encoder and writes with a decoder (T5).</summary>
    EncoderDecoder,
    /// <summary>Writes a text whole, step by step (LLaDA, Dream).</summary>
    Diffusion,
}
