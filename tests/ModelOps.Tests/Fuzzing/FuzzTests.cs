using Xunit;

namespace ModelOps.Tests.Fuzzing;

/// <summary>
/// A fixed slice of what <c>ModelOps.Benchmarks -- fuzz</c> does: mutated checkpoints, adapters and GGUF files are refused with a
/// <see cref="ModelOpsException"/>, or read.
/// </summary>
public sealed class FuzzTests : IDisposable
{
    private const int Seed = 20261121;

    private static readonly Lazy<FuzzCorpus> Corpus = new(() => new FuzzCorpus());

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("modelops-fuzz-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void MutatedInputs_AreRefusedOrRead(int part)
    {
        var folder = new FuzzFolder(_folder.FullName);
        var (refused, read) = (0, 0);
        for (var number = part * 600L; number < (part + 1) * 600L; number++)
        {
            var input = FuzzInput.Create(Corpus.Value, Seed, number);
            try
            {
                if (folder.Try(input) is { } exception)
                {
                    Assert.NotEmpty(exception.Message);
                    refused++;
                }
                else
                {
                    read++;
                }
            }
            catch (Exception exception) when (exception is not Xunit.Sdk.XunitException)
            {
                Assert.Fail($"Input {Seed} {number} ({input.Target} of {input.Origin}: {string.Join(", ", input.Changed.Keys)}): {exception}");
            }
        }
        // Mutations that are all refused at the door, or change nothing, would test little.
        Assert.True(refused > 200 && read > 40, $"{refused} refused, {read} read");
    }
}
