using System.Text.Json.Nodes;

namespace ModelOps.Cli.Batch;

/// <summary>One item of an input.</summary>
/// <param name="Id">What its source calls it (its column <c>id</c>), else its number, from 1 on.</param>
/// <param name="Columns">All that the source says of it.</param>
/// <param name="Text">The text of the column that was asked for; empty when <paramref name="Error"/> says why there is none.</param>
/// <param name="Error">What is wrong with it.</param>
internal sealed record BatchItem(string Id, JsonObject Columns, string Text, ModelOpsException? Error = null)
{
    public const string IdColumn = "id";
}
