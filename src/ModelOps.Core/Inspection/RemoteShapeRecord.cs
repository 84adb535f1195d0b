using System.Text.Json.Serialization;

namespace ModelOps.Inspection;

/// <summary>
/// A <see cref="RemoteShape"/> as it is kept: its header is a GGUF header again, without the vocabulary, so that whatever a shape is made of in this build
/// is there.
/// </summary>
/// <param name="Repository">Repository.</param>
/// <param name="Commit">Commit.</param>
/// <param name="Variant">Variant.</param>
/// <param name="Header">The header's bytes.</param>
/// <param name="FileBytes">Length of a file with that header.</param>
/// <param name="PlannedType">Recipe, for a checkpoint.</param>
/// <param name="Companions">The files that go with it.</param>
/// <param name="Others">The repository's other variants.</param>
internal sealed record RemoteShapeRecord(string Repository, string Commit, string Variant, byte[] Header, long FileBytes, string? PlannedType, IReadOnlyList<ModelCompanion> Companions, IReadOnlyList<VariantSize> Others)
{
    public static RemoteShapeRecord Of(RemoteShape shape)
    {
        var layout = shape.Header.LayoutWithoutVocabulary();
        return new RemoteShapeRecord(shape.Repository, shape.Commit, shape.Variant, layout.Header.ToArray(), layout.FileBytes, shape.Header.PlannedType, shape.Companions, shape.Others);
    }

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.CorruptFile"/>.</exception>
    public RemoteShape ToShape() => new(Repository, Commit, Variant, ModelHeader.Of(GgufFile.Read(new MemoryStream(Header), FileBytes)) with { PlannedType = PlannedType }, Companions, Others);
}

[JsonSerializable(typeof(RemoteShapeRecord))]
internal sealed partial class ShapeJson : JsonSerializerContext;
