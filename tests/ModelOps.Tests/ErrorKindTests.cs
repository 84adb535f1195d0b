using Xunit;

namespace ModelOps.Tests;

/// <summary>The exit codes that scripts rely on (design.md, "Rules that keep it simple").</summary>
public class ErrorKindTests
{
    [Theory]
    [InlineData(ErrorKind.Failure, 1)]
    [InlineData(ErrorKind.InvalidTemplate, 1)]
    [InlineData(ErrorKind.StoreNotWritable, 1)]
    [InlineData(ErrorKind.StoreInUse, 1)]
    [InlineData(ErrorKind.InvalidArgument, 2)]
    [InlineData(ErrorKind.InvalidSchema, 2)]
    [InlineData(ErrorKind.InvalidGrammar, 2)]
    [InlineData(ErrorKind.AnswerCutOff, 1)]
    [InlineData(ErrorKind.VariantNotFound, 3)]
    [InlineData(ErrorKind.PrivateRepository, 4)]
    [InlineData(ErrorKind.GatedRepository, 4)]
    [InlineData(ErrorKind.DoesNotFit, 5)]
    [InlineData(ErrorKind.ChecksumMismatch, 6)]
    [InlineData(ErrorKind.CorruptFile, 6)]
    [InlineData(ErrorKind.Offline, 7)]
    [InlineData(ErrorKind.Interrupted, 130)]
    public void ExitCodeIsAsDocumented(ErrorKind kind, int expected) => Assert.Equal(expected, kind.ExitCode());
}
