using ModelOps.Hub;

namespace ModelOps;

/// <summary><c>org/repo[:variant]</c>, as users write a model of the hub or of the store.</summary>
/// <param name="Repository">Repository, <c>org/repo</c>; an old one may have no organisation (<c>gpt2</c>).</param>
/// <param name="Variant">Variant, or null when none is named.</param>
public sealed record ModelName(string Repository, string? Variant)
{
    /// <summary>The parts of a text, or null when it is no name of a repository. A file <c>models/x.gguf</c> reads as one too: what exists on disk goes first.</summary>
    public static ModelName? TryParse(string text)
    {
        int colon = text.IndexOf(':');
        string repository = colon < 0 ? text : text[..colon];
        // A variant may be a path: that of its files, where a repository has two models of one quantization.
        string? variant = colon < 0 ? null : text[(colon + 1)..];
        return RepositoryName.IsValid(repository) && variant is not "" && !IsFile(repository, variant) ? new ModelName(repository, variant) : null;
    }

    // Without a slash, x.gguf is a file that is missing, and c:/x a path on a drive: asking the hub for them would hide what is wrong.
    private static bool IsFile(string repository, string? variant) =>
        !repository.Contains('/') && (variant is null ? Path.GetExtension(repository) is ".gguf" or ".safetensors" : repository.Length == 1);

    /// <summary>The parts of a text. <paramref name="variant"/>, from an option of its own, must not contradict the text's.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidArgument"/>.</exception>
    public static ModelName Parse(string text, string? variant = null)
    {
        if (TryParse(text) is not { } name)
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' is not the name of a repository.", "Write it as org/repo or org/repo:variant, such as google/gemma-3-1b-it: letters, digits, '-', '_' and '.'.");
        if (name.Variant is not null && variant is not null && !string.Equals(name.Variant, variant, StringComparison.OrdinalIgnoreCase))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{text}' names another variant than '{variant}'.", "Name the variant once.");
        return name with { Variant = variant ?? name.Variant };
    }

    /// <inheritdoc/>
    public override string ToString() => Variant is null ? Repository : $"{Repository}:{Variant}";
}
