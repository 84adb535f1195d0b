using System.Text.RegularExpressions;

namespace ModelOps.Hub;

/// <summary>The rules for names of repositories (huggingface_hub's validate_repo_id); checked before a name becomes part of an address or a path.</summary>
internal static partial class RepositoryName
{
    public static bool IsValid(string name) =>
        Pattern().IsMatch(name) && !name.Contains("--", StringComparison.Ordinal) && !name.Contains("..", StringComparison.Ordinal) && !name.EndsWith(".git", StringComparison.Ordinal);

    public static void Ensure(string name)
    {
        if (!IsValid(name))
            throw new ModelOpsException(ErrorKind.InvalidArgument, $"'{name}' is not the name of a repository.", "Write it as org/repo, such as google/gemma-3-1b-it: letters, digits, '-', '_' and '.'.");
    }

    // Each part begins and ends with a letter, digit or underscore. Repositories of the hub's first years have no organisation (gpt2).
    [GeneratedRegex(@"\A([A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?/)?[A-Za-z0-9_]([A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?\z")]
    private static partial Regex Pattern();
}
