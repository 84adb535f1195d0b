using Xunit;

namespace ModelOps.Tests.Grammar;

/// <summary>Grammars that people write are checked before the engine sees them.</summary>
public class GbnfGrammarTests
{
    [Theory]
    [InlineData("root ::= \"yes\" | \"no\"")]
    [InlineData("root ::= item+ # a remark\nitem ::= \"- \" [^\\n]+ \"\\n\"\r\n")]
    [InlineData("root ::= (\n  [a-z] |\n  \"\\u00e9\"\n){1,5} .? rest\nrest ::= \"\"")]
    [InlineData("root ::= <[12]> !<[13]>* <think>")]
    [InlineData("root ::= \"a\" root |")]
    public void WhatTheEngineTakesPasses(string grammar) => GbnfGrammar.Check(grammar);

    [Theory]
    [InlineData("", "no rule 'root'")]
    [InlineData("other ::= \"x\"", "no rule 'root'")]
    [InlineData("root ::= missing", "not defined")]
    [InlineData("root ::= root \"x\" | \"y\"", "begins with itself")]
    [InlineData("root ::= a\na ::= b? root\nb ::= \"z\"", "begins with itself")]
    [InlineData("root = \"x\"", "'::='")]
    [InlineData("root ::= \"x", "ends inside")]
    [InlineData("root ::= [a-z", "ends inside")]
    [InlineData("root ::= (\"x\"", "')'")]
    [InlineData("root ::= \"x\" )", "ends with its line")]
    [InlineData("root ::= \"\\q\"", "unknown escape")]
    [InlineData("root ::= \"\\x4\"", "digits")]
    [InlineData("root ::= \"x\"{3,2}", "makes no sense")]
    [InlineData("root ::= \"x\"{2500}", "copies")]
    [InlineData("root ::= (\"x\"{100} \"y\"{100}){100}", "copies")]
    [InlineData("root ::= <x", "token")]
    [InlineData("root ::= \"a\0b\"", "zero byte")]
    public void WhatItWouldNotIsRefused(string grammar, string part)
    {
        var error = Assert.Throws<ModelOpsException>(() => GbnfGrammar.Check(grammar));
        Assert.Equal(ErrorKind.InvalidGrammar, error.Kind);
        Assert.Contains(part, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void DepthAndBreadthAreBounded()
    {
        Assert.Throws<ModelOpsException>(() => GbnfGrammar.Check($"root ::= {new string('(', 100_000)}"));
        Assert.Throws<ModelOpsException>(() => GbnfGrammar.Check(string.Join('\n', Enumerable.Range(0, 100_000).Select(index => $"r{index} ::= r{index + 1}").Prepend("root ::= r0").Append("r100000 ::= \"x\""))));
        // Two ways at every step are more ways to begin than can be tried.
        Assert.Throws<ModelOpsException>(() => GbnfGrammar.Check(string.Join('\n', Enumerable.Range(0, 100).Select(index => $"r{index} ::= r{index + 1} | r{index + 1} \"y\"").Prepend("root ::= r0").Append("r100 ::= \"x\""))));
    }
}
