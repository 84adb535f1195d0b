using static ModelOps.Tests.Conversion.Forward.Vectors;

namespace ModelOps.Tests.Conversion.Forward;

/// <summary>
/// The forward pass of the Qwen family from the checkpoint's own tensors, written from the library's modules (transformers,
/// models/qwen*/modular_*.py) and, for linear attention, the recurrence of "Gated Delta Networks" (arXiv 2412.06464, equation 10). It knows
/// nothing of GGUF.
/// </summary>
internal sealed class QwenForward(QwenCheckpoint weights)
{
    private readonly QwenSettings _s = weights.Settings;

    private float Shift => _s.IsHybrid ? 1 : 0;

    /// <summary>Logits after the last token.</summary>
    public float[] Run(int[] tokens)
    {
        var embedding = weights.Get("embed_tokens.weight");
        var states = tokens.Select(token => embedding.AsSpan(token * _s.Hidden, _s.Hidden).ToArray()).ToArray();
        for (var layer = 0; layer < _s.Layers; layer++)
        {
            var at = $"layers.{layer}.";
            var mixed = NormalizeAll(states, at + "input_layernorm.weight");
            mixed = _s.IsFull(layer) ? Attend(mixed, at + "self_attn.") : AttendLinearly(mixed, at + "linear_attn.");
            foreach (var (state, addend) in states.Zip(mixed))
                Add(state, addend);
            foreach (var (state, input) in states.Zip(NormalizeAll(states, at + "post_attention_layernorm.weight")))
                Add(state, _s.Experts > 0 ? Mix(input, at + "mlp.") : FeedForward(input, at + "mlp."));
        }
        var last = Normalize(states[^1], weights.Get("norm.weight"), _s.Epsilon, Shift);
        return Multiply(_s.IsTied ? embedding : weights.Get("lm_head.weight"), last, _s.Vocabulary);
    }

    private float[][] NormalizeAll(float[][] states, string name)
    {
        var weight = weights.Get(name);
        return [.. states.Select(state => Normalize(state, weight, _s.Epsilon, Shift))];
    }

    private float[] FeedForward(float[] x, string at)
    {
        var gate = weights.Get(at + "gate_proj.weight");
        return Gated(x, gate.Length / _s.Hidden, gate, weights.Get(at + "up_proj.weight"), weights.Get(at + "down_proj.weight"));
    }

    private float[] Gated(float[] x, int width, float[] gateMatrix, float[] upMatrix, float[] downMatrix)
    {
        var (gate, up) = (Multiply(gateMatrix, x, width), Multiply(upMatrix, x, width));
        for (var i = 0; i < width; i++)
            up[i] *= Silu(gate[i]);
        return Multiply(downMatrix, up, _s.Hidden);
    }

    private float[] Mix(float[] x, string at)
    {
        var scores = Softmax([.. Multiply(weights.Get(at + "gate.weight"), x, _s.Experts).Select(score => (double)score)]);
        var chosen = Enumerable.Range(0, _s.Experts).OrderByDescending(expert => scores[expert]).Take(_s.ExpertsUsed).ToList();
        var whole = _s.NormalizesExperts ? chosen.Sum(expert => scores[expert]) : 1;
        var sum = new float[_s.Hidden];
        foreach (var expert in chosen)
            Add(sum, Expert(x, at + "experts.", expert), (float)(scores[expert] / whole));
        if (_s.SharedWidth > 0)
            Add(sum, FeedForward(x, at + "shared_expert."), Sigmoid(Multiply(weights.Get(at + "shared_expert_gate.weight"), x, 1)[0]));
        return sum;
    }

    private float[] Expert(float[] x, string at, int expert)
    {
        if (!weights.Has(at + "gate_up_proj"))
            return FeedForward(x, $"{at}{expert}.");
        var (hidden, width) = (_s.Hidden, _s.ExpertWidth);
        var gateUp = weights.Get(at + "gate_up_proj").AsSpan(expert * 2 * width * hidden, 2 * width * hidden).ToArray();
        var down = weights.Get(at + "down_proj").AsSpan(expert * width * hidden, width * hidden).ToArray();
        if (_s.HasTransposedExperts)
            (gateUp, down) = (Transpose(gateUp, hidden, 2 * width), Transpose(down, width, hidden));
        return Gated(x, width, gateUp[..(width * hidden)], gateUp[(width * hidden)..], down);
    }

    private static float[] Transpose(float[] matrix, int rows, int columns)
    {
        var result = new float[matrix.Length];
        for (var i = 0; i < matrix.Length; i++)
            result[(i % columns * rows) + (i / columns)] = matrix[i];
        return result;
    }

    private float[][] Attend(float[][] inputs, string at)
    {
        var (length, heads, group) = (_s.HeadLength, _s.Heads, _s.Heads / _s.KeyValueHeads);
        var keyValue = _s.KeyValueHeads * length;
        var queries = inputs.Select(x => Project(x, at + "q_proj", heads * length * (_s.IsHybrid ? 2 : 1))).ToArray();
        var keys = inputs.Select(x => Project(x, at + "k_proj", keyValue)).ToArray();
        var values = inputs.Select(x => Project(x, at + "v_proj", keyValue)).ToArray();
        // Of a hybrid's head the query is followed by its gate.
        var stride = _s.IsHybrid ? 2 * length : length;
        for (var t = 0; t < inputs.Length; t++)
        {
            for (var head = 0; head < heads; head++)
                Turn(queries[t].AsSpan(head * stride, length), t, at + "q_norm.weight");
            for (var head = 0; head < _s.KeyValueHeads; head++)
                Turn(keys[t].AsSpan(head * length, length), t, at + "k_norm.weight");
        }
        var output = weights.Get(at + "o_proj.weight");
        return [.. Enumerable.Range(0, inputs.Length).Select(t =>
        {
            var attended = new float[heads * length];
            for (var head = 0; head < heads; head++)
            {
                var query = queries[t].AsMemory(head * stride, length);
                var from = head / group * length;
                var shares = Softmax([.. Enumerable.Range(0, t + 1).Select(u => Dot(query.Span, keys[u].AsSpan(from, length)) / Math.Sqrt(length))]);
                for (var i = 0; i < length; i++)
                {
                    var sum = Enumerable.Range(0, t + 1).Sum(u => shares[u] * values[u][from + i]);
                    attended[(head * length) + i] = (float)sum * (_s.IsHybrid ? Sigmoid(queries[t][(head * stride) + length + i]) : 1);
                }
            }
            return Multiply(output, attended, _s.Hidden);
        })];
    }

    private float[] Project(float[] x, string name, int rows) => Multiply(weights.Get(name + ".weight"), x, rows, bias: weights.Has(name + ".bias") ? weights.Get(name + ".bias") : null);

    /// <summary>Norm of a head where there is one, then rotation: dimension i with i + half of those that turn.</summary>
    private void Turn(Span<float> head, int position, string norm)
    {
        if (weights.Has(norm))
            Normalize(head, weights.Get(norm), _s.Epsilon, Shift).CopyTo(head);
        var half = _s.Rotated / 2;
        for (var i = 0; i < half; i++)
        {
            var (sine, cosine) = Math.SinCos(position * Math.Pow(_s.Theta, -(double)i / half));
            var (first, second) = (head[i], head[i + half]);
            head[i] = (float)((first * cosine) - (second * sine));
            head[i + half] = (float)((second * cosine) + (first * sine));
        }
    }

    private float[][] AttendLinearly(float[][] inputs, string at)
    {
        var projected = inputs.Select(x => LinearProjection.Of(_s, weights, x, at)).ToArray();
        var convolved = Convolve([.. projected.Select(projection => projection.QueryKeyValue)], weights.Get(at + "conv1d.weight"));
        var (length, ratio) = (_s.LinearLength, _s.ValueHeads / _s.KeyHeads);
        var (decay, bias, norm, output) = (weights.Get(at + "A_log"), weights.Get(at + "dt_bias"), weights.Get(at + "norm.weight"), weights.Get(at + "out_proj.weight"));
        var states = Enumerable.Range(0, _s.ValueHeads).Select(_ => new float[length, length]).ToArray();
        return [.. Enumerable.Range(0, inputs.Length).Select(t =>
        {
            var result = new float[_s.Values];
            for (var head = 0; head < _s.ValueHeads; head++)
            {
                var query = convolved[t].AsSpan(head / ratio * length, length).ToArray();
                var key = convolved[t].AsSpan(_s.Keys + (head / ratio * length), length).ToArray();
                var value = convolved[t].AsSpan((2 * _s.Keys) + (head * length), length);
                MakeUnit(query);
                MakeUnit(key);
                var keep = Math.Exp(-Math.Exp(decay[head]) * Math.Log(1 + Math.Exp(projected[t].A[head] + bias[head])));
                var read = Step(states[head], query, key, value, (float)keep, Sigmoid(projected[t].B[head]));
                var normed = Normalize(read, norm, _s.Epsilon, 0);
                for (var i = 0; i < length; i++)
                    result[(head * length) + i] = normed[i] * Silu(projected[t].Gate[(head * length) + i]);
            }
            return Multiply(output, result, _s.Hidden);
        })];
    }

    /// <summary>S ← αS(I − βkkᵀ) + βvkᵀ; then Sq.</summary>
    private static float[] Step(float[,] state, float[] query, float[] key, ReadOnlySpan<float> value, float keep, float rate)
    {
        var length = key.Length;
        var result = new float[length];
        for (var i = 0; i < length; i++)
        {
            var known = 0f;
            for (var j = 0; j < length; j++)
                known += (state[i, j] *= keep) * key[j];
            for (var j = 0; j < length; j++)
                result[i] += (state[i, j] += rate * (value[i] - known) * key[j]) * query[j];
            result[i] /= MathF.Sqrt(length);
        }
        return result;
    }

    /// <summary>Each channel with its own kernel over this and the tokens before, then SiLU.</summary>
    private float[][] Convolve(float[][] inputs, float[] kernels)
        => [.. Enumerable.Range(0, inputs.Length).Select(t => Enumerable.Range(0, inputs[t].Length).Select(channel =>
        {
            var sum = 0f;
            for (var i = 0; i < _s.Kernel && i <= t; i++)
                sum += kernels[(channel * _s.Kernel) + _s.Kernel - 1 - i] * inputs[t - i][channel];
            return Silu(sum);
        }).ToArray())];

    private static double Dot(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        var sum = 0.0;
        for (var i = 0; i < left.Length; i++)
            sum += (double)left[i] * right[i];
        return sum;
    }
}
