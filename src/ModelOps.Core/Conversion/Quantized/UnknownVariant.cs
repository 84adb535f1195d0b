namespace ModelOps.Conversion;

/// <summary>Refuses a variant of a quantisation that is not known, by its method, field and value.</summary>
internal static class UnknownVariant
{
    public static ModelOpsException Of(string method, string field, object? value)
        => new(
            ErrorKind.UnsupportedType,
            $"The checkpoint is quantised with {method} where {field} = {value ?? "null"}, which cannot be converted.",
            "Convert from the BF16, F16 or F32 checkpoint that it was made from.");
}
