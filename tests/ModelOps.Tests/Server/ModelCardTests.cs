using ModelOps.Server;
using Xunit;

namespace ModelOps.Tests.Server;

/// <summary>The front matter of model cards.</summary>
public sealed class ModelCardTests
{
    [Fact]
    public void ScalarsAndBothFormsOfLists()
    {
        ModelCard card = ModelCard.Parse("---\nlicense: \"mit\"\ntags: [a, 'b']\nlanguage:\n- en\n- de\nmodel-index:\n- name: x\n  results:\n    - y\nlibrary_name: transformers\n---\n# Text: not a key".Split('\n'));
        Assert.Equal("mit", card["license"]);
        Assert.Equal(["a", "b"], card.All("tags"));
        Assert.Equal(["en", "de"], card.All("language"));
        Assert.Equal("transformers", card["library_name"]);
        Assert.Null(card["# Text"]);
    }

    [Theory]
    [InlineData("# Title\nlicense: mit")]
    [InlineData("---\nlicense: mit")]
    [InlineData("")]
    public void WithoutFrontMatterThereIsNothing(string text) => Assert.Empty(ModelCard.Parse(text.Split('\n')).Values);
}
