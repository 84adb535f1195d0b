namespace ModelOps.Fit.Graph;

/// <summary>
/// A compute graph as the engine builds it, without weights: they have memory already. The operations are ggml's (ggml.c) and give shapes and
/// strides as those do; a tensor is its number. <see cref="Expand"/> puts tensors into the order of computation as
/// <c>ggml_build_forward_expand</c> does.
/// </summary>
internal sealed class ComputeGraph
{
    public const int Float = sizeof(float);
    public const int HalfFloat = sizeof(ushort);

    private GraphTensor[] _tensors = new GraphTensor[1024];
    private int[] _nodes = new int[1024];
    private int[] _inputs = new int[16];
    private int _count, _nodeCount, _inputCount;

    /// <summary>All tensors.</summary>
    public Span<GraphTensor> Tensors => _tensors.AsSpan(0, _count);

    /// <summary>Operations in the order of computation.</summary>
    public ReadOnlySpan<int> Nodes => _nodes.AsSpan(0, _nodeCount);

    /// <summary>Inputs in the order in which the operations were found to need them.</summary>
    public ReadOnlySpan<int> Inputs => _inputs.AsSpan(0, _inputCount);

    public ref GraphTensor this[int tensor] => ref _tensors[tensor];

    /// <summary>Empties the graph; its arrays stay.</summary>
    public void Clear() => _count = _nodeCount = _inputCount = 0;

    public int Input(int elementBytes, long n0, long n1 = 1, long n2 = 1, long n3 = 1) => New(TensorRole.Input, elementBytes, n0, n1, n2, n3);

    /// <summary>Memory that a device has before: a cache, a state.</summary>
    public int Stored(int device, int elementBytes, long n0, long n1 = 1, long n2 = 1, long n3 = 1)
    {
        var stored = New(TensorRole.Stored, elementBytes, n0, n1, n2, n3);
        _tensors[stored].Device = (sbyte)device;
        return stored;
    }

    /// <summary>Says which device holds an operation's weights, and how large they are.</summary>
    public int Weigh(int tensor, int device, long bytes)
    {
        ref var weighed = ref _tensors[tensor];
        (weighed.WeightDevice, weighed.WeightBytes) = ((sbyte)device, bytes);
        return tensor;
    }

    /// <summary>Another tensor with a tensor's content and layout, gaps and all, on another device.</summary>
    public int CopyOn(int device, int source)
    {
        var (elementBytes, n0, n1, n2, n3) = ShapeOf(source);
        var copy = New(TensorRole.Copy, elementBytes, n0, n1, n2, n3);
        ref var made = ref _tensors[copy];
        ref readonly var original = ref _tensors[source];
        (made.S1, made.S2, made.S3, made.Device) = (original.S1, original.S2, original.S3, (sbyte)device);
        return copy;
    }

    /// <summary>Weights on another device than that which holds them.</summary>
    public int WeightsOn(int device, long bytes)
    {
        var copy = New(TensorRole.Copy, 1, bytes, 1, 1, 1);
        _tensors[copy].Device = (sbyte)device;
        return copy;
    }

    public void AddOperand(int tensor, int operand)
    {
        ref var made = ref _tensors[tensor];
        made.Operands[made.OperandCount++] = operand;
    }

    public int As(GraphOperation operation, int tensor)
    {
        _tensors[tensor].Operation = operation;
        return tensor;
    }

    /// <summary>An operation with a result of its own shape.</summary>
    public int Result(int elementBytes, long n0, long n1, long n2, long n3, params ReadOnlySpan<int> operands) => With(New(TensorRole.Result, elementBytes, n0, n1, n2, n3), operands);

    /// <summary>An operation element by element, which may be done in place; the first operand gives the shape.</summary>
    public int Elementwise(params ReadOnlySpan<int> operands)
    {
        var (elementBytes, n0, n1, n2, n3) = ShapeOf(operands[0]);
        return With(New(TensorRole.Elementwise, elementBytes, n0, n1, n2, n3), operands);
    }

    public int Add(int first, int second) => As(GraphOperation.Add, Elementwise(first, second));

    public int Multiply(int first, int second) => As(GraphOperation.Multiply, Elementwise(first, second));

    /// <summary>An operation with a result of the first operand's shape that is never done in place: gated units, argsort, copies.</summary>
    public int SameShape(params ReadOnlySpan<int> operands)
    {
        var (elementBytes, n0, n1, n2, n3) = ShapeOf(operands[0]);
        return With(New(TensorRole.Result, elementBytes, n0, n1, n2, n3), operands);
    }

    /// <summary>A matrix of weights times activations.</summary>
    public int Project(long rows, int activations)
    {
        var (_, _, n1, n2, n3) = ShapeOf(activations);
        return As(GraphOperation.MatMul, Result(Float, rows, n1, n2, n3, activations));
    }

    /// <summary>Chosen experts' matrices times activations (<c>ggml_mul_mat_id</c>).</summary>
    public int ProjectChosen(long rows, int activations, int chosen)
    {
        var (count, tokens) = (_tensors[chosen].N0, _tensors[activations].N2);
        return As(GraphOperation.MatMulChosen, Result(Float, rows, count, tokens, 1, activations, chosen));
    }

    public int MatMul(int left, int right)
    {
        var (_, _, n1, n2, n3) = ShapeOf(right);
        return Result(Float, _tensors[left].N1, n1, n2, n3, left, right);
    }

    /// <summary>Rows of a matrix of weights, by their numbers.</summary>
    public int WeightRows(long width, int ids)
    {
        var (_, n0, n1, n2, _) = ShapeOf(ids);
        return As(GraphOperation.Rows, Result(Float, width, n0, n1, n2, ids));
    }

    /// <summary>Writes rows into a tensor, which is looked at from then on.</summary>
    public int SetRows(int target, int rows, int ids)
    {
        var view = ViewLike(target);
        return As(GraphOperation.SetRows, With(view, rows, ids, target));
    }

    /// <summary>Copies into a tensor, which is looked at from then on.</summary>
    public int CopyInto(int source, int target) => With(ViewLike(target), source, target);


    /// <summary>Changes a tensor where it lies.</summary>
    public int Touch(int target) => With(ViewLike(target), target);

    public int Contiguous(int tensor)
    {
        var (elementBytes, n0, n1, n2, n3) = ShapeOf(tensor);
        return Result(elementBytes, n0, n1, n2, n3, tensor);
    }

    public int Contiguous(int tensor, long n0, long n1, long n2 = 1, long n3 = 1) => Result(_tensors[tensor].ElementBytes, n0, n1, n2, n3, tensor);

    /// <summary>Another look at a tensor that changes nothing; each is a tensor of its own to the engine, to be copied for itself.</summary>
    public int Look(int tensor)
    {
        var view = ViewLike(tensor);
        return As(GraphOperation.Look, With(view, tensor));
    }

    public int Reshape(int tensor, long n0, long n1 = 1, long n2 = 1, long n3 = 1)
    {
        var view = New(TensorRole.View, _tensors[tensor].ElementBytes, n0, n1, n2, n3);
        _tensors[view].ViewOf = Root(tensor);
        _tensors[view].Operation = GraphOperation.Look;
        return With(view, tensor);
    }

    /// <summary>A part of a tensor; strides in bytes.</summary>
    public int View(int tensor, long n0, long n1, long s1, long n2 = 1, long s2 = 0, long n3 = 1, long s3 = 0)
    {
        var view = Reshape(tensor, n0, n1, n2, n3);
        ref var made = ref _tensors[view];
        made.S1 = s1;
        made.S2 = s2 != 0 ? s2 : s1 * n1;
        made.S3 = s3 != 0 ? s3 : made.S2 * n2;
        return view;
    }

    /// <summary>The dimensions in another order: dimension i becomes dimension <c>axes[i]</c>, as with <c>ggml_permute</c>.</summary>
    public int Permute(int tensor, int axis0, int axis1, int axis2, int axis3)
    {
        var source = _tensors[tensor];
        Span<long> counts = stackalloc long[4];
        Span<long> strides = stackalloc long[4];
        (counts[axis0], counts[axis1], counts[axis2], counts[axis3]) = (source.N0, source.N1, source.N2, source.N3);
        (strides[axis0], strides[axis1], strides[axis2], strides[axis3]) = (source.ElementBytes, source.S1, source.S2, source.S3);
        return View(tensor, counts[0], counts[1], strides[1], counts[2], strides[2], counts[3], strides[3]);
    }

    public int Transpose(int tensor) => Permute(tensor, 1, 0, 2, 3);

    public void MarkOutput(int tensor) => _tensors[tensor].IsOutput = true;

    /// <summary>Appends what a tensor needs and is not there yet, and the tensor.</summary>
    public void Expand(int tensor)
    {
        ref var visited = ref _tensors[tensor];
        if (visited.Visited)
        {
            return;
        }
        visited.Visited = true;
        var (operands, count, role) = (visited.Operands, visited.OperandCount, visited.Role);
        for (var operand = 0; operand < count; operand++)
        {
            Expand(operands[operand]);
        }
        if (role == TensorRole.Input)
        {
            Append(ref _inputs, ref _inputCount, tensor);
        }
        else if (role != TensorRole.Stored)
        {
            Append(ref _nodes, ref _nodeCount, tensor);
        }
    }

    private int ViewLike(int target)
    {
        ref readonly var source = ref _tensors[target];
        var (n1, s1, n2, s2, n3, s3, n0, elementBytes) = (source.N1, source.S1, source.N2, source.S2, source.N3, source.S3, source.N0, source.ElementBytes);
        var view = New(TensorRole.View, elementBytes, n0, n1, n2, n3);
        ref var made = ref _tensors[view];
        (made.S1, made.S2, made.S3, made.ViewOf) = (s1, s2, s3, Root(target));
        return view;
    }

    private int Root(int tensor) => _tensors[tensor].ViewOf >= 0 ? _tensors[tensor].ViewOf : tensor;

    private (int ElementBytes, long N0, long N1, long N2, long N3) ShapeOf(int tensor)
    {
        ref readonly var shape = ref _tensors[tensor];
        return (shape.ElementBytes, shape.N0, shape.N1, shape.N2, shape.N3);
    }

    private int With(int tensor, params ReadOnlySpan<int> operands)
    {
        ref var made = ref _tensors[tensor];
        foreach (var operand in operands)
        {
            made.Operands[made.OperandCount++] = operand;
        }
        return tensor;
    }

    private int New(TensorRole role, int elementBytes, long n0, long n1, long n2, long n3)
    {
        if (_count == _tensors.Length)
        {
            Array.Resize(ref _tensors, 2 * _count);
        }
        checked
        {
            _tensors[_count] = new GraphTensor
            {
                Role = role,
                ElementBytes = elementBytes,
                ViewOf = -1,
                Device = -1,
                WeightDevice = -1,
                N0 = n0,
                N1 = n1,
                N2 = n2,
                N3 = n3,
                S1 = n0 * elementBytes,
                S2 = n0 * elementBytes * n1,
                S3 = n0 * elementBytes * n1 * n2,
            };
        }
        return _count++;
    }

    private static void Append(ref int[] list, ref int count, int tensor)
    {
        if (count == list.Length)
        {
            Array.Resize(ref list, 2 * count);
        }
        list[count++] = tensor;
    }
}
