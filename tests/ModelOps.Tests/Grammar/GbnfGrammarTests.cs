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
    [InlineData("root ::= [\\U0011FFF]", "digits")]
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

    /// <summary>The engine follows every way to read a text by itself; the first of these kept it busy for minutes over one token.</summary>
    [Theory]
    [InlineData("root ::= (a?){400}\na ::= \"a\"")]
    [InlineData("root ::= a{400}\na ::= \"a\"?")]
    [InlineData("root ::= (\"a\"?){999}")]
    [InlineData("root ::= ([a-z]?){60}")]
    [InlineData("root ::= ((\"a\"?){20}){20}")]
    [InlineData("root ::= ([a-z]*){40} \".\"")]
    [InlineData("root ::= \"x\"{500} (\"a\"?){400}")]
    [InlineData("root ::= [^\"]{1,500} \"\\\"\" b{9}\nb ::= c{9}\nc ::= [0-9]?")]
    [InlineData("root ::= item*\nitem ::= name | word | key | id | [a-z]\nname ::= [a-z]\nword ::= [a-z] | [a-z] | [a-z]\nkey ::= [a-z]\nid ::= [a-z]")]
    [InlineData("root ::= (\"b\" \"z\" | \"b\" \"y\" | \"b\" \"x\" | \"a\")?{200}")]
    public void WhatReadsATextInTooManyWaysIsRefused(string grammar)
    {
        var error = Assert.Throws<ModelOpsException>(() => GbnfGrammar.Check(grammar));
        Assert.Equal(ErrorKind.InvalidGrammar, error.Kind);
        Assert.Contains("more ways than the engine can follow", error.Message, StringComparison.Ordinal);
        Assert.Contains("a{0,400}", error.Hint, StringComparison.Ordinal);
    }

    /// <summary>Each has so many stacks that to count its ways would take long, too.</summary>
    [Theory]
    [InlineData("root ::= ((c){20}){20} \"x\"\nc ::= (\"\" | [a-z]){0,30}")]
    [InlineData("root ::= (c)* \"x\" b{0,30} \"x\" (a?)+ \"x\" b (\"x\" | [a-z]){5}\na ::= ((c){20}){20} \"x\" [a-z] \"x\" b \"x\"\nb ::= a b (a | [0-9]) \"x\" [a-z]\nc ::= (\"\" | [a-z]){0,30}")]
    [InlineData("root ::= b\na ::= (b [0-9] | b | \"ab\")?\nb ::= ([0-9] | [a-z]) \"x\" (a | a) (a | c) \"x\" a c\nc ::= a{0,30} \"x\"")]
    public void WhatCannotBeCountedIsRefused(string grammar)
        => Assert.Equal(ErrorKind.InvalidGrammar, Assert.Throws<ModelOpsException>(() => GbnfGrammar.Check(grammar)).Kind);

    [Theory]
    [InlineData("root ::= a{0,400}\na ::= \"a\"")]
    [InlineData("root ::= [a-z]{0,1999} \"!\"?")]
    [InlineData("root ::= (\"a\"?){30}")]
    [InlineData("root ::= ([a-z]?){16}")]
    [InlineData("root ::= ([a-z]+ \" \"?)+")]
    [InlineData("root ::= ws ws ws value ws\nvalue ::= \"[\" ws (value (ws \",\" ws value)*)? ws \"]\" | [0-9]+\nws ::= [ \\t\\n]*")]
    [InlineData("root ::= line{200}\nline ::= [^\\n]* \"\\n\"")]
    [InlineData("root ::= sum\nsum ::= product ([-+] product)*\nproduct ::= term ([*/] term)*\nterm ::= [0-9]+ | [a-z]+ | \"(\" sum \")\" | \"-\" term")]
    [InlineData("root ::= term\nterm ::= [a-z] | \"(\" term \")\" | \"(\" term \",\" term \")\"")]
    public void WhatReadsItInFewPasses(string grammar) => GbnfGrammar.Check(grammar);

    [Fact]
    public void ManyTextsThatBeginAlikePass()
    {
        // A step of the engine each, and not a multiple with every character.
        GbnfGrammar.Check($"root ::= {string.Join(" | ", Enumerable.Range(0, 3000).Select(index => $"\"product number {index}\""))}");
        GbnfGrammar.Check(string.Join('\n', Enumerable.Range(0, 300).Select(index => $"p{index} ::= (\"property{index},\")? p{index + 1}").Prepend("root ::= p0").Append("p300 ::= \"x\"")));
    }

    [Fact]
    public void WhatGrowsWhenItIsWrittenOutIsRefused()
    {
        var error = Assert.Throws<ModelOpsException>(() => GbnfGrammar.Check($"root ::= \"{new string('x', 500_000)}\"{{1999}}"));
        Assert.Equal(ErrorKind.InvalidGrammar, error.Kind);
        Assert.Contains("written out", error.Message, StringComparison.Ordinal);
        Assert.Throws<ModelOpsException>(() => GbnfGrammar.Check($"root ::= (\"{new string('x', 500_000)}\"){{0,1000}}"));
        Assert.Contains("signs of repetition", Assert.Throws<ModelOpsException>(() => GbnfGrammar.Check("root ::= \"a\"" + new string('+', 1_000_000))).Message, StringComparison.Ordinal);
    }
}
