using ModelOps.Grammar;

namespace ModelOps;

/// <summary>Grammars in llama.cpp's own notation, as people write them.</summary>
public static class GbnfGrammar
{
    /// <summary>
    /// Checks a grammar before the engine sees it, which would print to the console, recurse without end or stop the process over some that are wrong, and not come
    /// back from some that read a text in very many ways.
    /// </summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidGrammar"/>.</exception>
    public static void Check(string grammar)
    {
        ArgumentNullException.ThrowIfNull(grammar);
        DerivationCheck.Check(GbnfReader.Read(grammar), problem => new ModelOpsException(ErrorKind.InvalidGrammar, $"The grammar cannot be used: {problem}.", DerivationCheck.Hint));
    }
}
