namespace ModelOps.Chat;

/// <summary>Takes a model's text as it comes and tells its parts, each as soon as it is certain: half a marker is never given out.</summary>
internal interface IAnswerParser
{
    /// <summary>Takes the text that came; adds the parts that are certain now, with <paramref name="last"/> all that was held back.</summary>
    void Push(string text, bool last, ICollection<AnswerPart> parts);
}
