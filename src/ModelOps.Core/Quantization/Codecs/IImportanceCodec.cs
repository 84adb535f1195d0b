namespace ModelOps.Quantization;

/// <summary>A storage type whose codes depend on how much each weight matters, where that is known.</summary>
internal interface IImportanceCodec : IBlockCodec, IImportanceEncoder;
