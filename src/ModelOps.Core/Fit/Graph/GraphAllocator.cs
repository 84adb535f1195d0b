namespace ModelOps.Fit.Graph;

/// <summary>
/// How much memory a graph takes when it is allocated as ggml does it (ggml-alloc.c, <c>ggml_gallocr_alloc_graph_impl</c>): inputs first, then
/// operation by operation, in place where an operand is not needed any more, else in the smallest hole that is large enough; what nobody needs any
/// more is freed. Outputs stay.
/// </summary>
internal readonly ref struct GraphAllocator(IReadOnlyList<DeviceBuffer> memory)
{
    /// <summary>Allocates a graph that was scheduled, each tensor on its device; what the buffers then say is what they need.</summary>
    public void Allocate(ComputeGraph graph, GraphScheduler schedule)
    {
        var tensors = graph.Tensors;
        foreach (var leaf in schedule.Leaves)
        {
            Allocate(tensors, leaf);
        }
        foreach (var step in schedule.Steps)
        {
            if (step < 0)
            {
                tensors[~step].Children++;
                continue;
            }
            ref readonly var tensor = ref tensors[step];
            if (tensor.ViewOf >= 0)
            {
                tensors[tensor.ViewOf].Views++;
            }
            for (var operand = 0; operand < tensor.OperandCount; operand++)
            {
                tensors[tensor.Operands[operand]].Children++;
            }
        }
        foreach (var step in schedule.Steps)
        {
            if (step < 0)
            {
                Release(tensors, ~step);
                continue;
            }
            Allocate(tensors, step);
            ref readonly var tensor = ref tensors[step];
            for (var operand = 0; operand < tensor.OperandCount; operand++)
            {
                Release(tensors, tensor.Operands[operand]);
            }
        }
    }

    private void Allocate(Span<GraphTensor> tensors, int node)
    {
        ref var tensor = ref tensors[node];
        if (tensor.Allocated || tensor.Role is TensorRole.View or TensorRole.Stored)
        {
            return;
        }
        tensor.Allocated = true;
        if (tensor.Role == TensorRole.Elementwise && TakeOver(tensors, ref tensor))
        {
            return;
        }
        tensor.Address = memory[tensor.Device].Take(tensor.Bytes);
    }

    private bool TakeOver(Span<GraphTensor> tensors, ref GraphTensor tensor)
    {
        for (var index = 0; index < tensor.OperandCount; index++)
        {
            ref var operand = ref tensors[tensor.Operands[index]];
            // A view is not the allocator's own: what only views look at is not taken over.
            if (!operand.Allocated || operand.IsOutput || operand.Children != 1 || operand.Views != 0 || !tensor.HasLayoutOf(operand))
            {
                continue;
            }
            tensor.Address = operand.Address;
            operand.Allocated = false;
            return true;
        }
        return false;
    }

    private void Release(Span<GraphTensor> tensors, int operand)
    {
        ref var parent = ref tensors[operand];
        parent.Children--;
        if (parent.Children != 0 || parent.Views != 0)
        {
            return;
        }
        ref var owner = ref parent;
        if (parent.ViewOf >= 0)
        {
            owner = ref tensors[parent.ViewOf];
            owner.Views--;
            if (owner.Views != 0 || owner.Children != 0)
            {
                return;
            }
        }
        if (owner.Allocated && !owner.IsOutput)
        {
            owner.Allocated = false;
            memory[owner.Device].Give(owner.Address, owner.Bytes);
        }
    }
}
