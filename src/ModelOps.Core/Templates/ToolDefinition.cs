namespace ModelOps;

/// <summary>A tool that a model may call.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Description">What it is good for, told to the model.</param>
/// <param name="Parameters">JSON schema of its arguments, an object's: JSON text.</param>
public sealed record ToolDefinition(string Name, string? Description, string Parameters);
