using System.Text.Json.Nodes;

namespace ModelOps.Cli.Demo;

/// <summary>What <c>demo</c> writes as JSON.</summary>
/// <param name="Steps">The commands in order, with what each of them wrote.</param>
/// <param name="Table">The files side by side.</param>
/// <param name="Seconds">Time of the whole job.</param>
internal sealed record DemoResult(IReadOnlyList<DemoStep> Steps, IReadOnlyList<DemoRow> Table, double Seconds);

/// <summary>One command of the demo.</summary>
internal sealed record DemoStep(string Command, int ExitCode, double Seconds, JsonNode Result);

/// <summary>One converted file and what quantising cost.</summary>
/// <param name="Type">Recipe.</param>
/// <param name="Lattice">Whether the quantization lattice was kept.</param>
/// <param name="File">The file.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="SizeFraction">Its size as a fraction of the BF16 file's.</param>
/// <param name="ExactFraction">Fraction of the weights that were trained on a lattice which come back bit for bit.</param>
/// <param name="Perplexity">Perplexity on the evaluation text.</param>
/// <param name="Kld">Mean divergence from the BF16 file in nats; null for that file itself.</param>
/// <param name="Top1Agreement">Fraction of tokens on which it agrees with the BF16 file; null for that file itself.</param>
/// <param name="TokensPerSecond">Speed of generating.</param>
internal sealed record DemoRow(string Type, bool Lattice, string File, long Bytes, double SizeFraction, double ExactFraction, double Perplexity, double? Kld, double? Top1Agreement, double TokensPerSecond);
