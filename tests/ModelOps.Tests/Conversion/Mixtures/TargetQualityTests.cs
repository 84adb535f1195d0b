using Xunit;

namespace ModelOps.Tests.Conversion.Mixtures;

/// <summary>
/// Mixtures against stock recipes of the same size, judged by the engine on a text that sensitivity was not measured on. docs/benchmarks.md has the figures
/// of all recipes; here are those where the difference is larger than what another text would make of it.
/// </summary>
public class TargetQualityTests
{
    [Theory]
    [InlineData("demo-llama", "Q3_K_M", "Q4_0")]
    [InlineData("demo-gemma", "Q3_K_L", "Q4_K_M")]
    [InlineData("demo-gemma-qat", "Q3_K_M", "Q4_K_M")]
    public async Task MixtureIsNearerToTheModelThanARecipeOfItsSize(string model, params string[] recipes)
    {
        using var trial = new TargetTrial(model, mostTokens: 1024, judgedCharacters: 20_000);
        await trial.PrepareAsync();
        foreach (string recipe in recipes)
        {
            var (stock, mixture) = await trial.CompareAsync(recipe);
            Assert.True(mixture.Bytes <= stock.Bytes, $"{mixture.Bytes} > {stock.Bytes} bytes");
            Assert.True(mixture.Kld < stock.Kld, $"{recipe}: KLD {mixture.Kld:G4} of the mixture, {stock.Kld:G4} of the recipe");
            Assert.True(mixture.Plan.Mixture!.ExpectedLoss < mixture.Plan.Mixture.Nearest.ExpectedLoss);
        }
    }
}
