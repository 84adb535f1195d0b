using System.Text;
using ModelOps.Engine;
using Xunit;

namespace ModelOps.Tests.Engine;

public sealed class AnswerTextTests
{
    [Fact]
    public void A_character_cut_in_pieces_comes_whole()
    {
        byte[] bytes = "aé你😀z"u8.ToArray();
        AnswerText text = new([]);
        List<string> pieces = [.. bytes.Select((_, index) => text.Push(bytes.AsSpan(index, 1), last: index == bytes.Length - 1))];
        Assert.Equal(["a", "", "é", "", "", "你", "", "", "", "😀", "z"], pieces);
        Assert.Equal("aé你😀z", text.ToString());
    }

    [Fact]
    public void An_incomplete_character_at_the_end_shows_as_such()
    {
        AnswerText text = new([]);
        Assert.Equal("", text.Push([0xE4, 0xBD], last: false));
        Assert.Equal("\uFFFD", text.Push([], last: true));
    }

    [Theory]
    [InlineData("one END two", "END", "one ")]
    [InlineData("one EN two", "END", "one EN two")]
    [InlineData("aaab", "aab", "a")]
    [InlineData("EEND", "END", "E")]
    [InlineData("x<|y|>", "<|z|>,|>", "x<|y")]
    [InlineData("abcd", "bc,abc", "")]
    [InlineData("ends on a start EN", "END", "ends on a start EN")]
    public void Nothing_from_a_stop_string_on_is_given_out_whatever_the_pieces(string answer, string stops, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(answer);
        for (int size = 1; size <= bytes.Length; size++)
        {
            AnswerText text = new(stops.Split(','));
            StringBuilder streamed = new();
            for (int start = 0; start < bytes.Length && !text.Stopped; start += size)
            {
                int length = Math.Min(size, bytes.Length - start);
                streamed.Append(text.Push(bytes.AsSpan(start, length), last: start + length == bytes.Length));
            }
            Assert.Equal(expected, streamed.ToString());
            Assert.Equal(expected, text.ToString());
            Assert.Equal(expected != answer, text.Stopped);
        }
    }

    [Fact]
    public void Text_that_no_stop_string_can_begin_with_is_not_held_back()
    {
        AnswerText text = new(["\nUser:"]);
        Assert.Equal("Hello", text.Push("Hello"u8, last: false));
        Assert.Equal("", text.Push("\nUs"u8, last: false));
        Assert.Equal("\nUsual", text.Push("ual"u8, last: false));
    }
}
