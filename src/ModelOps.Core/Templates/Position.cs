namespace ModelOps.Templates;

/// <summary>A place in a template; both numbers count from 1, columns in UTF-16 units.</summary>
internal readonly record struct Position(int Line, int Column);
