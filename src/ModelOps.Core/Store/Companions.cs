namespace ModelOps.Store;

/// <summary>Files that are of use only beside a model's weights: they go with the last of these.</summary>
internal static class Companions
{
    private static readonly string[] Extensions =
        [".json", ".jsonl", ".model", ".txt", ".jinja", ".tiktoken", ".md", ".spm", ".py", ".yaml", ".yml", ".html", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".pdf"];
    private static readonly string[] Beginnings = ["LICENSE", "LICENCE", "NOTICE", "README", "USE_POLICY", "tokenizer.model", ".git"];

    public static bool Has(string path)
    {
        string name = path[(path.LastIndexOf('/') + 1)..];
        return Extensions.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase)
            || Beginnings.Any(beginning => name.StartsWith(beginning, StringComparison.OrdinalIgnoreCase))
            || (name.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase) && (name.Contains("mmproj", StringComparison.OrdinalIgnoreCase) || name.Contains("imatrix", StringComparison.OrdinalIgnoreCase)));
    }
}
