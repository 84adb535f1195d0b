using System.Runtime.InteropServices;
using System.Text;

namespace ModelOps.Engine;

/// <summary>
/// Chooses tokens: llama.cpp's samplers in llama.cpp's order (common/sampling.cpp), and a grammar if there is one. The grammar is asked about the chosen token
/// first and about the whole vocabulary only where it refuses that one, as common_sampler_sample does: most tokens of a model that knows what is wanted pass.
/// </summary>
internal sealed unsafe class TokenSampler : IDisposable
{
    private const int MirostatCandidates = 100;

    // Where DRY takes a repetition to end (common/common.h).
    private static readonly string[] DryBreakers = ["\n", ":", "\"", "*"];

    private readonly LlamaApi _api;
    private readonly LlamaSamplerHandle _chain;
    private readonly LlamaSamplerHandle? _grammar;
    private LlamaTokenData* _candidates;
    private readonly int _vocabularySize;
    // Nothing but the logits counts, and no list of candidates need be made of them.
    private readonly bool _isGreedy;

    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidGrammar"/>, <see cref="ErrorKind.InvalidArgument"/>.</exception>
    public TokenSampler(Session session, SamplingSettings settings, SamplingOptions wish)
    {
        LlamaApi api = _api = session.Api;
        Vocabulary vocabulary = session.Vocabulary;
        _vocabularySize = vocabulary.Count;
        CheckBias(wish.LogitBias);
        _grammar = wish.Grammar is { } text ? OpenGrammar(vocabulary, text) : null;
        _chain = new LlamaSamplerHandle(api, api.SamplerChainInit(api.SamplerChainDefaultParams()));
        // llama.cpp takes the largest number for "a random seed"; a caller who says a seed wants the same answer again.
        uint chosen = wish.Seed ?? (uint)Random.Shared.NextInt64(uint.MaxValue);
        // The engine keeps room for as many tokens as it looks back, however many there are.
        int lookBack = settings.RepeatLastN < 0 ? session.SequenceLength : Math.Min(settings.RepeatLastN, session.SequenceLength);
        Fill(vocabulary, settings with { RepeatLastN = lookBack }, wish.LogitBias, chosen == uint.MaxValue ? 0 : chosen);
        _isGreedy = settings.Temperature == 0 && _grammar is null && wish.LogitBias is not { Count: > 0 } && !Penalizes(settings) && !Dries(settings);
        if (_grammar is not null)
        {
            _candidates = (LlamaTokenData*)NativeMemory.Alloc((nuint)_vocabularySize, (nuint)sizeof(LlamaTokenData));
        }
    }

    /// <summary>The token that comes next after an output of a context's last decode, by its place in the batch; it counts as written from then on.</summary>
    /// <exception cref="ModelOpsException"><see cref="ErrorKind.InvalidGrammar"/> when the grammar leaves none.</exception>
    public int Choose(nint context, int output)
    {
        if (_isGreedy)
        {
            return LargestLogit.Find(new ReadOnlySpan<float>(_api.GetLogitsOf(context, output), _vocabularySize));
        }
        if (_grammar is null)
        {
            return _api.SamplerSample(_chain.DangerousGetHandle(), context, output);
        }
        int token = Apply(context, output, first: null);
        if (!Allows(token))
        {
            token = Apply(context, output, first: _grammar);
            // The engine throws across the C boundary, which ends the process, when it is given a token that the grammar has no place for.
            if (token < 0 || !Allows(token))
            {
                throw new ModelOpsException(ErrorKind.InvalidGrammar, "No token of the model's vocabulary continues the answer under the grammar.", "The grammar, or a pattern of the schema, asks for characters that the model cannot write, or a bias forbids them.");
            }
        }
        _api.SamplerAccept(_grammar.DangerousGetHandle(), token);
        _api.SamplerAccept(_chain.DangerousGetHandle(), token);
        return token;
    }

    public void Dispose()
    {
        _chain.Dispose();
        _grammar?.Dispose();
        NativeMemory.Free(_candidates);
        _candidates = null;
    }

    private int Apply(nint context, int output, LlamaSamplerHandle? first)
    {
        float* logits = _api.GetLogitsOf(context, output);
        for (int token = 0; token < _vocabularySize; token++)
        {
            _candidates[token] = new LlamaTokenData { Token = token, Logit = logits[token] };
        }
        LlamaTokenDataArray array = new() { Data = _candidates, Length = (nuint)_vocabularySize, Selected = -1 };
        if (first is not null)
        {
            _api.SamplerApply(first.DangerousGetHandle(), &array);
        }
        _api.SamplerApply(_chain.DangerousGetHandle(), &array);
        return array.Selected >= 0 && (nuint)array.Selected < array.Length ? array.Data[array.Selected].Token : -1;
    }

    private bool Allows(int token)
    {
        LlamaTokenData candidate = new() { Token = token, Logit = 1 };
        LlamaTokenDataArray array = new() { Data = &candidate, Length = 1, Selected = -1 };
        _api.SamplerApply(_grammar!.DangerousGetHandle(), &array);
        return !float.IsNegativeInfinity(candidate.Logit);
    }

    private LlamaSamplerHandle OpenGrammar(Vocabulary vocabulary, string text)
    {
        GbnfGrammar.Check(text);
        nint grammar;
        fixed (byte* bytes = Encoding.UTF8.GetBytes(text + '\0'))
        fixed (byte* root = "root\0"u8)
        {
            grammar = _api.SamplerInitGrammar(vocabulary.Pointer, bytes, root);
        }
        return grammar != 0 ? new LlamaSamplerHandle(_api, grammar) : throw new ModelOpsException(ErrorKind.InvalidGrammar, "The engine does not take the grammar.", "Grammars are GBNF, as llama.cpp's grammars/README.md tells.");
    }

    private void CheckBias(IReadOnlyDictionary<int, float>? bias)
    {
        foreach (var (token, value) in bias ?? new Dictionary<int, float>())
        {
            if ((uint)token >= (uint)_vocabularySize || float.IsNaN(value) || float.IsPositiveInfinity(value))
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"A bias of {value} for token {token} makes no sense: the vocabulary has {_vocabularySize} tokens.", "Give token ids and finite numbers; -inf forbids a token.");
            }
        }
    }

    private void Fill(Vocabulary vocabulary, SamplingSettings settings, IReadOnlyDictionary<int, float>? bias, uint seed)
    {
        if (bias is { Count: > 0 })
        {
            LlamaLogitBias[] biases = [.. bias.Select(entry => new LlamaLogitBias { Token = entry.Key, Bias = entry.Value })];
            fixed (LlamaLogitBias* pointer = biases)
            {
                Add(_api.SamplerInitLogitBias(_vocabularySize, biases.Length, pointer));
            }
        }
        if (Penalizes(settings))
        {
            Add(_api.SamplerInitPenalties(_vocabularySize, settings.RepeatLastN, settings.RepeatPenalty, settings.FrequencyPenalty, settings.PresencePenalty));
        }
        if (Dries(settings))
        {
            Add(OpenDry(vocabulary, settings));
        }
        if (settings.Temperature == 0)
        {
            Add(_api.SamplerInitGreedy());
            return;
        }
        if (settings.Mirostat > 0)
        {
            Add(_api.SamplerInitTemperature(settings.Temperature));
            Add(settings.Mirostat == 1
                ? _api.SamplerInitMirostat(_vocabularySize, seed, settings.MirostatTau, settings.MirostatEta, MirostatCandidates)
                : _api.SamplerInitMirostatV2(seed, settings.MirostatTau, settings.MirostatEta));
            return;
        }
        AddIf(settings.TopNSigma > 0, () => _api.SamplerInitTopNSigma(settings.TopNSigma));
        AddIf(settings.TopK > 0, () => _api.SamplerInitTopK(settings.TopK));
        AddIf(settings.TypicalP < 1, () => _api.SamplerInitTypical(settings.TypicalP, 1));
        AddIf(settings.TopP < 1, () => _api.SamplerInitTopP(settings.TopP, 1));
        AddIf(settings.MinP > 0, () => _api.SamplerInitMinP(settings.MinP, 1));
        AddIf(settings.XtcProbability > 0, () => _api.SamplerInitXtc(settings.XtcProbability, settings.XtcThreshold, 1, seed));
        Add(_api.SamplerInitTemperature(settings.Temperature));
        Add(_api.SamplerInitDistribution(seed));
    }

    private static bool Penalizes(SamplingSettings settings)
        => settings.RepeatLastN != 0 && (settings.RepeatPenalty != 1 || settings.FrequencyPenalty != 0 || settings.PresencePenalty != 0);

    private static bool Dries(SamplingSettings settings) => settings.DryMultiplier > 0 && settings.RepeatLastN != 0;

    private nint OpenDry(Vocabulary vocabulary, SamplingSettings settings)
    {
        byte*[] breakers = new byte*[DryBreakers.Length];
        try
        {
            for (int index = 0; index < breakers.Length; index++)
            {
                breakers[index] = (byte*)Marshal.StringToCoTaskMemUTF8(DryBreakers[index]);
            }
            fixed (byte** pointers = breakers)
            {
                return _api.SamplerInitDry(vocabulary.Pointer, settings.DryMultiplier, settings.DryBase, settings.DryAllowedLength, settings.RepeatLastN, pointers, (nuint)breakers.Length);
            }
        }
        finally
        {
            foreach (byte* breaker in breakers)
            {
                Marshal.FreeCoTaskMem((nint)breaker);
            }
        }
    }

    private void AddIf(bool wanted, Func<nint> sampler)
    {
        if (wanted)
        {
            Add(sampler());
        }
    }

    private void Add(nint sampler) => _api.SamplerChainAdd(_chain.DangerousGetHandle(), sampler);
}
