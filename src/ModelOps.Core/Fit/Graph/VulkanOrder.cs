using System.Runtime.InteropServices;

namespace ModelOps.Fit.Graph;

/// <summary>
/// The order in which Vulkan computes a split: operations that need nothing unfinished are drawn forward, so that more can run at once, and those that
/// one shader does together stay together (ggml-vulkan.cpp, <c>ggml_vk_graph_optimize</c>).
/// </summary>
internal sealed class VulkanOrder
{
    // How far ahead it looks: for anything, for what a sum or a norm is fused with, and for a cache's rows.
    private const int Window = 20;
    private const int FusedWindow = 15;
    private const int RowsWindow = 10;

    private readonly List<int> _ordered = [];
    private readonly List<int> _set = [];
    private bool[] _used = [];
    private bool[] _done = [];
    private ComputeGraph _graph = new();

    /// <summary>Puts operations into that order.</summary>
    public void Apply(ComputeGraph graph, Span<int> nodes)
    {
        _graph = graph;
        _ordered.Clear();
        Reset(ref _used, nodes.Length);
        Reset(ref _done, graph.Tensors.Length);
        var first = 0;
        while (first < nodes.Length)
        {
            _set.Clear();
            if (IsOf(nodes, first, GraphOperation.Route))
            {
                // Choosing experts is one shader.
                for (var index = first; index < nodes.Length && !_used[index] && BelongsToRoute(nodes, index); index++)
                {
                    _set.Add(index);
                }
            }
            else
            {
                _set.Add(first);
                DrawForward(nodes, first);
                // A sum and what follows are not torn apart by looks at memory.
                if (!IsOf(nodes, _set[^1], GraphOperation.Add))
                {
                    DrawLooks(nodes, first);
                }
            }
            foreach (var index in _set)
            {
                _ordered.Add(nodes[index]);
                _done[nodes[index]] = true;
                _used[index] = true;
            }
            while (first < nodes.Length && _used[first])
            {
                first++;
            }
        }
        CollectionsMarshal.AsSpan(_ordered).CopyTo(nodes);
    }

    private void DrawForward(ReadOnlySpan<int> nodes, int first)
    {
        for (var index = first + 1; index < Math.Min(first + Window, nodes.Length); index++)
        {
            if (_used[index] || IsOf(nodes, index, GraphOperation.Look) || IsOf(nodes, index, GraphOperation.Route) || !IsFree(nodes, first, index))
            {
                continue;
            }
            _set.Add(index);
            var rotation = index;
            if (IsOf(nodes, index, GraphOperation.Multiply) && IsOf(nodes, index - 1, GraphOperation.Norm)
                && Find(nodes, index, FusedWindow, GraphOperation.Rotate, onlyInputsBeside: true) is >= 0 and var rotated)
            {
                Add(rotation = rotated);
            }
            if (IsOf(nodes, rotation, GraphOperation.Rotate))
            {
                AddRows(nodes, rotation);
            }
            if (IsOf(nodes, index, GraphOperation.AddChosen) && IsOf(nodes, index - 1, GraphOperation.MatMulChosen))
            {
                AddIfFound(Find(nodes, index, FusedWindow, GraphOperation.Multiply));
            }
            if (IsOf(nodes, index, GraphOperation.Add) && IsOf(nodes, index - 1, GraphOperation.MatMul))
            {
                AddIfFound(Find(nodes, index, FusedWindow, GraphOperation.Add));
            }
            if (IsOf(nodes, index, GraphOperation.Add) && IsOf(nodes, index - 1, GraphOperation.Convolve))
            {
                AddIfFound(Find(nodes, index, FusedWindow, GraphOperation.Unary));
            }
        }
    }

    /// <summary>Whether an operation needs nothing that is still to be done, but for the one before it where both are one shader.</summary>
    private bool IsFree(ReadOnlySpan<int> nodes, int first, int index)
    {
        for (var before = first; before < index; before++)
        {
            if (!_used[before] && Needs(nodes[index], nodes[before])
                && !(before == index - 1 && before == _set[^1] && AreFused(_graph[nodes[before]].Operation, _graph[nodes[index]].Operation)))
            {
                return false;
            }
        }
        return true;
    }

    private static bool AreFused(GraphOperation before, GraphOperation after) => (before, after) is
        (GraphOperation.Norm, GraphOperation.Multiply) or (GraphOperation.MatMul, GraphOperation.Add) or (GraphOperation.MatMulChosen, GraphOperation.AddChosen)
        or (GraphOperation.MatMulChosen, GraphOperation.Multiply) or (GraphOperation.Add, GraphOperation.Add) or (GraphOperation.Convolve, GraphOperation.Add)
        or (GraphOperation.Convolve, GraphOperation.Unary);

    private void DrawLooks(ReadOnlySpan<int> nodes, int first)
    {
        for (var index = first + 1; index < Math.Min(first + Window, nodes.Length); index++)
        {
            if (_used[index] || !IsOf(nodes, index, GraphOperation.Look))
            {
                continue;
            }
            var isFree = true;
            for (var before = first; before < index && isFree; before++)
            {
                isFree = _used[before] || !Needs(nodes[index], nodes[before]) || _set.Contains(before);
            }
            if (isFree)
            {
                _set.Add(index);
            }
        }
    }

    /// <summary>A rotation's rows go into the cache at once.</summary>
    private void AddRows(ReadOnlySpan<int> nodes, int rotation)
    {
        var view = -1;
        for (var index = rotation + 1; index < Math.Min(rotation + RowsWindow, nodes.Length); index++)
        {
            if (view < 0 && IsOf(nodes, index, GraphOperation.Look) && _graph[nodes[index]].Operands[0] == nodes[rotation])
            {
                view = index;
            }
            else if (view >= 0 && IsOf(nodes, index, GraphOperation.SetRows) && _graph[nodes[index]].Operands[0] == nodes[view])
            {
                Add(view);
                Add(index);
                return;
            }
        }
    }

    /// <summary>The next operation of a kind whose first operand is this one, and whose others are there; -1 for none.</summary>
    private int Find(ReadOnlySpan<int> nodes, int index, int window, GraphOperation operation, bool onlyInputsBeside = false)
    {
        for (var later = index + 1; later < Math.Min(index + window, nodes.Length); later++)
        {
            ref readonly var tensor = ref _graph[nodes[later]];
            if (tensor.Operation == operation && tensor.Operands[0] == nodes[index]
                && (tensor.OperandCount < 2 || onlyInputsBeside || _done[tensor.Operands[1]] || _graph[tensor.Operands[1]].Role is TensorRole.Copy or TensorRole.Stored or TensorRole.Input))
            {
                return later;
            }
        }
        return -1;
    }

    private void AddIfFound(int index)
    {
        if (index >= 0)
        {
            Add(index);
        }
    }

    private void Add(int index)
    {
        _set.Add(index);
        _used[index] = true;
    }

    private bool IsOf(ReadOnlySpan<int> nodes, int index, GraphOperation operation) => _graph[nodes[index]].Operation == operation;

    private bool BelongsToRoute(ReadOnlySpan<int> nodes, int index)
        => IsOf(nodes, index, GraphOperation.Route) || (IsOf(nodes, index, GraphOperation.Look) && index + 1 < nodes.Length && IsOf(nodes, index + 1, GraphOperation.Route));

    /// <summary>
    /// Whether an operation must come after another: it has it as an operand, both are looks at the same memory, or the one reads what the other writes. A look reads nothing.
    /// </summary>
    private bool Needs(int node, int other)
    {
        ref readonly var tensor = ref _graph[node];
        for (var operand = 0; operand < tensor.OperandCount; operand++)
        {
            if (tensor.Operands[operand] == other)
            {
                return true;
            }
        }
        return Memory(node) == Memory(other) || (tensor.Operation != GraphOperation.Look && (LooksInto(node, Memory(other)) || LooksInto(other, Memory(node))));
    }

    /// <summary>Whether an operand is a look at a memory.</summary>
    private bool LooksInto(int node, int memory)
    {
        ref readonly var tensor = ref _graph[node];
        for (var operand = 0; operand < tensor.OperandCount; operand++)
        {
            if (_graph[tensor.Operands[operand]].ViewOf == memory)
            {
                return true;
            }
        }
        return false;
    }

    private int Memory(int tensor) => _graph[tensor].ViewOf >= 0 ? _graph[tensor].ViewOf : tensor;

    private static void Reset(ref bool[] flags, int count)
    {
        if (flags.Length < count)
        {
            flags = new bool[Math.Max(count, 2 * flags.Length)];
        }
        Array.Clear(flags, 0, count);
    }
}
