namespace ModelOps;

/// <summary>A call of a tool, as a model wrote it.</summary>
/// <param name="Id">Name of the call, for the answer to it.</param>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">Its arguments: JSON text of an object; as the model wrote it, where that is not valid.</param>
public sealed record ToolCall(string Id, string Name, string Arguments);
