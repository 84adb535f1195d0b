using System.Globalization;

namespace ModelOps.Dialogue;

/// <summary>What /set changes: how the answers to come are made.</summary>
internal static class ChatSettings
{
    private const string Default = "default";

    private static readonly Dictionary<string, (string Meaning, Func<GenerationRequest, object?> Get, Func<GenerationRequest, string?, GenerationRequest> Set)> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["temperature"] = ("0 is greedy", request => request.Temperature, (request, text) => request with { Temperature = Number(text, 0, 10) }),
        ["top-k"] = ("keep the k likeliest tokens", request => request.TopK, (request, text) => request with { TopK = Whole(text, 0) }),
        ["top-p"] = ("keep the likeliest up to this probability", request => request.TopP, (request, text) => request with { TopP = Number(text, 0, 1) }),
        ["min-p"] = ("keep those with this share of the likeliest's probability", request => request.MinP, (request, text) => request with { MinP = Number(text, 0, 1) }),
        ["typical-p"] = ("keep tokens of typical information", request => request.TypicalP, (request, text) => request with { TypicalP = Number(text, 0, 1) }),
        ["repeat-penalty"] = ("1 is off", request => request.RepeatPenalty, (request, text) => request with { RepeatPenalty = Number(text, 0.01f, 100) }),
        ["frequency-penalty"] = ("0 is off", request => request.FrequencyPenalty, (request, text) => request with { FrequencyPenalty = Number(text, -100, 100) }),
        ["presence-penalty"] = ("0 is off", request => request.PresencePenalty, (request, text) => request with { PresencePenalty = Number(text, -100, 100) }),
        ["seed"] = ("of the sampler", request => request.Seed, (request, text) => request with { Seed = Seed(text) }),
        ["max-tokens"] = ("most tokens of an answer", request => request.MaxTokens, (request, text) => request with { MaxTokens = Whole(text, 1) ?? new GenerationRequest().MaxTokens }),
        ["thinking"] = ("on, off, or default: as the template has it", request => request.Thinking switch { true => "on", false => "off", _ => null }, (request, text) => request with { Thinking = Switch(text) }),
    };

    /// <summary>The request with a setting changed; <c>default</c> gives it back to the model.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static GenerationRequest Apply(GenerationRequest request, string name, string value) => Known.TryGetValue(name, out var setting)
        ? setting.Set(request, value.Equals(Default, StringComparison.OrdinalIgnoreCase) ? null : value)
        : throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no setting '{name}'.", $"/set knows {string.Join(", ", Known.Keys)}.");

    /// <summary>All settings with what they are, one a line.</summary>
    public static string Describe(GenerationRequest request)
        => string.Join('\n', Known.Select(setting => $"  {setting.Key,-18} {Convert.ToString(setting.Value.Get(request) ?? Default, CultureInfo.InvariantCulture),-10} {setting.Value.Meaning}"));

    private static float? Number(string? text, float least, float most) => text is null ? null
        : float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float number) && number >= least && number <= most ? number
        : throw Wrong(text, string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"));

    private static int? Whole(string? text, int least) => text is null ? null
        : int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number >= least ? number
        : throw Wrong(text, $"a whole number from {least} on");

    private static uint? Seed(string? text) => text is null ? null
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out uint number) ? number
        : throw Wrong(text, $"a whole number from 0 to {uint.MaxValue}");

    private static bool? Switch(string? text) => text?.ToLowerInvariant() switch
    {
        null or "auto" => null,
        "on" => true,
        "off" => false,
        _ => throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' is not on, off or auto.", "auto leaves it to the model's template."),
    };

    private static ModelOpsException Wrong(string text, string wanted) => new(ErrorKind.InvalidArgument, $"'{text}' is not {wanted}.", $"{Default} gives the setting back to the model.");
}
