using System.Text.Json;
using ModelOps.Runner;
using ModelOps.Tests.Engine;
using ModelOps.Tests.Fit;
using Xunit;

namespace ModelOps.Tests.Runner;

/// <summary>Runners that find the placement themselves.</summary>
public sealed class WishTests
{
    private static readonly EngineOptions Golden = new() { ModelPath = GoldenLogits.PathOf("llama", "f32"), Threads = 1 };
    private static readonly GenerationRequest Greedy = new() { Prompt = "hello", Raw = true, Temperature = 0, MaxTokens = 8 };

    [Fact]
    public async Task A_model_is_planned_and_loaded_once_for_the_same_wish()
    {
        int planned = 0;
        await using InProcessRunner runner = new() { ReadMachine = () => { planned++; return Machines.Cpu(8); } };
        FitRequest wish = new() { ContextLength = 512, TensorOverrides = [new("ffn", "CPU")] };

        EnginePlan first = await runner.LoadAsync(Golden, wish);
        Assert.Same(first, await runner.LoadAsync(Golden, wish with { TensorOverrides = [new("ffn", "CPU")] }));
        Assert.Equal((1, 512), (planned, first.Parameters.ContextLength));

        Assert.Equal(1024, (await runner.LoadAsync(Golden, wish with { ContextLength = 1024 })).Parameters.ContextLength);
        Assert.Equal(2048, (await runner.LoadAsync(Golden, wish with { ContextLength = ContextWish.Largest })).Parameters.ContextLength);
        Assert.Equal(3, planned);
        Assert.Equal(8, (await runner.GenerateAsync(Greedy)).Tokens.Count);
    }

    [Fact]
    public async Task Those_who_ask_for_the_same_at_once_share_one_load()
    {
        int planned = 0;
        using ManualResetEventSlim ready = new();
        await using InProcessRunner runner = new()
        {
            ReadMachine = () =>
            {
                planned++;
                ready.Wait();
                return Machines.Cpu(8);
            },
        };
        Task<EnginePlan> other = runner.LoadAsync(Golden, new FitRequest { ContextLength = 256 });
        // While that one loads they wait, and are let in together when it has.
        Task<EnginePlan>[] same = [.. Enumerable.Repeat(0, 3).Select(_ => runner.LoadAsync(Golden, new FitRequest { ContextLength = 512 }))];
        ready.Set();
        EnginePlan[] plans = await Task.WhenAll(same);
        Assert.All(plans, plan => Assert.Same(plans[0], plan));
        Assert.Equal((256, 512, 2), ((await other).Parameters.ContextLength, plans[0].Parameters.ContextLength, planned));
    }

    [Fact]
    public async Task A_load_that_ends_early_leaves_no_model_and_the_next_one_is_whole()
    {
        Action reading = () => { };
        await using InProcessRunner runner = new() { ReadMachine = () => { reading(); return Machines.Cpu(8); } };
        FitRequest wish = new() { ContextLength = 512 };
        await runner.LoadAsync(Golden, wish);
        GenerationResult before = await runner.GenerateAsync(Greedy);

        using CancellationTokenSource stop = new();
        reading = stop.Cancel;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => runner.LoadAsync(Golden, wish with { ContextLength = 1024 }, cancellationToken: stop.Token));
        Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => runner.GenerateAsync(Greedy))).Kind);

        int planned = 0;
        reading = () => planned++;
        Assert.Equal(512, (await runner.LoadAsync(Golden, wish)).Parameters.ContextLength);
        Assert.Equal(1, planned);
        Assert.Equal(before.Tokens, (await runner.GenerateAsync(Greedy)).Tokens);
    }

    [Fact]
    public async Task A_model_that_cannot_have_its_context_is_not_loaded()
    {
        await using InProcessRunner runner = new() { ReadMachine = () => Machines.Cpu(0.001) };
        Assert.Equal(ErrorKind.DoesNotFit, (await Assert.ThrowsAsync<ModelOpsException>(() => runner.LoadAsync(Golden, new FitRequest { ContextLength = 16384 }))).Kind);
        Assert.Equal(ErrorKind.InvalidArgument, (await Assert.ThrowsAsync<ModelOpsException>(() => runner.GenerateAsync(Greedy))).Kind);
    }

    [Fact]
    public async Task A_worker_plans_as_this_process_does()
    {
        await using WorkerRunner there = new(["dotnet", Path.Combine(AppContext.BaseDirectory, "modelops.dll"), "worker", "--pipe", "{pipe}"]);
        await using InProcessRunner here = new();
        FitRequest wish = new() { ContextLength = 768, KvType = GgmlType.F32, FlashAttention = false, CpuExpertLayers = -1, BatchSize = 32, GpuLayers = 0, Loading = WeightLoading.Read };

        EnginePlan plan = await there.LoadAsync(Golden, wish);
        EnginePlan expected = await here.LoadAsync(Golden, wish);

        Assert.Equal(JsonSerializer.Serialize(expected, WorkerJson.Default.EnginePlan), JsonSerializer.Serialize(plan, WorkerJson.Default.EnginePlan));
        Assert.Equal((768, GgmlType.F32, 32), (plan.Parameters.ContextLength, plan.Parameters.KvType, plan.Parameters.BatchSize));
        Assert.Equal((await here.GenerateAsync(Greedy)).Tokens, (await there.GenerateAsync(Greedy)).Tokens);
    }

    [Fact]
    public void A_wish_keeps_what_it_says_on_its_way()
    {
        FitRequest wish = new()
        {
            ContextLength = ContextWish.Largest,
            KvType = null,
            GpuLayers = 7,
            CpuExpertLayers = 3,
            TensorSplit = [1.5, 2],
            TensorOverrides = [new("a|b", "GPU1")],
            Sequences = 4,
            UnifiedCache = false,
            OffloadKvCache = false,
            Loading = WeightLoading.MapLocked,
        };
        string json = JsonSerializer.Serialize(wish, WorkerJson.Default.FitRequest);
        FitRequest back = JsonSerializer.Deserialize(json, WorkerJson.Default.FitRequest)!;
        Assert.Equal(json, JsonSerializer.Serialize(back, WorkerJson.Default.FitRequest));
        Assert.True(back.ContextLength.IsLargest);
        Assert.Equal([1.5, 2], back.TensorSplit);
        Assert.Equal(wish.TensorOverrides, back.TensorOverrides);
        Assert.Equal((7, 3, 4, false, false, WeightLoading.MapLocked), (back.GpuLayers, back.CpuExpertLayers, back.Sequences, back.UnifiedCache, back.OffloadKvCache, back.Loading));
        Assert.Null(back.KvType);
    }
}
