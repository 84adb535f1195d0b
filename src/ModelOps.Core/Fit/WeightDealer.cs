namespace ModelOps.Fit;

/// <summary>Deals out a model's tensors: with their layers, but experts and overridden ones elsewhere (llama-model-loader.cpp, buft_for_tensor).</summary>
internal sealed class WeightDealer
{
    /// <summary>What a tensor belongs to.</summary>
    private enum Part
    {
        Layer,
        Experts,
        Input,
        TiedInput,
        Output,
    }

    /// <summary>A tensor that does not lie where its part does, or comes on top of it.</summary>
    private readonly record struct Single(Part Part, int Layer, long Bytes, long ActiveBytes, int Device);

    private readonly ModelShape _model;
    private readonly int _gpus;
    private readonly Single[] _moved;
    private readonly Single[] _added;

    public WeightDealer(ModelShape model, FitRequest request, int gpus)
    {
        _model = model;
        _gpus = gpus;
        _moved = Match(model, request.TensorOverrides, gpus);
        _added = [.. from adapter in request.Adapters
                     from tensor in adapter.Tensors
                     from layer in LayersOf(tensor)
                     where layer is null || layer < model.Layers
                     select new Single(PartOf(model, tensor.Name, layer), layer ?? -1, tensor.Bytes, tensor.Bytes, 0)];
    }

    /// <summary>Whether tensors lie elsewhere than their layers whatever the placement: the engine then does not pipeline several GPUs.</summary>
    public bool HasOverrides => _moved.Length > 0;

    /// <param name="placement">Device of every layer and of the output, -1 the CPU.</param>
    /// <param name="cpuExpertLayers">Layers, from the first, whose experts the CPU keeps.</param>
    public WeightPlacement Deal(int[] placement, int cpuExpertLayers)
    {
        var devices = new DeviceWeights[_gpus + 1];
        for (var index = 0; index < devices.Length; index++)
        {
            devices[index] = new DeviceWeights();
        }
        var (cpu, output) = (devices[0], devices[placement[^1] + 1]);
        var cpuHoldsLayers = false;
        checked
        {
            for (var layer = 0; layer < _model.Layers; layer++)
            {
                var device = devices[placement[layer] + 1];
                var apart = layer < cpuExpertLayers && device != cpu;
                device.Layers += _model.LayerBytes[layer] - (apart ? _model.ExpertLayerBytes[layer] : 0);
                device.Active += _model.ActiveLayerBytes[layer] - (apart ? _model.ActiveExpertLayerBytes[layer] : 0);
                cpu.Experts += apart ? _model.ExpertLayerBytes[layer] : 0;
                cpu.Active += apart ? _model.ActiveExpertLayerBytes[layer] : 0;
                cpuHoldsLayers |= device == cpu || (apart && _model.ExpertLayerBytes[layer] > 0);
            }
            cpu.Input = _model.InputBytes;
            // A tied output is the embedding itself as long as both are on the CPU.
            output.Output = _model.OutputBytes - (output == cpu ? _model.TiedBytes : 0);
            output.Active += _model.OutputBytes;
            var largest = cpuHoldsLayers ? _model.LargestTensorBytes : 0;
            foreach (var tensor in _moved)
            {
                // Without a layer on it the engine is not given a GPU at all.
                if (tensor.Device > 0 && output == cpu)
                {
                    continue;
                }
                Move(tensor, From(tensor), devices[tensor.Device]);
                largest = tensor.Device == 0 && tensor.Part is not (Part.Input or Part.TiedInput) ? Math.Max(largest, tensor.Bytes) : largest;
            }
            foreach (var tensor in _added)
            {
                From(tensor).Adapters += tensor.Bytes;
                From(tensor).Active += tensor.ActiveBytes;
            }
            return new WeightPlacement(devices, largest);
        }

        DeviceWeights From(Single tensor) => tensor.Part switch
        {
            Part.Input or Part.TiedInput => cpu,
            Part.Output => output,
            Part.Experts when tensor.Layer < cpuExpertLayers => cpu,
            _ => devices[placement[tensor.Layer] + 1],
        };

        void Move(Single tensor, DeviceWeights from, DeviceWeights to)
        {
            checked
            {
                switch (tensor.Part)
                {
                    case Part.Experts when tensor.Layer < cpuExpertLayers && placement[tensor.Layer] >= 0:
                        from.Experts -= tensor.Bytes;
                        to.Layers += tensor.Bytes;
                        break;
                    case Part.Layer or Part.Experts:
                        from.Layers -= tensor.Bytes;
                        to.Layers += tensor.Bytes;
                        break;
                    case Part.Output:
                        from.Output -= tensor.Bytes;
                        to.Output += tensor.Bytes;
                        break;
                    default:
                        from.Input -= tensor.Bytes;
                        to.Input += tensor.Bytes;
                        break;
                }
                if (tensor.Part == Part.TiedInput && output != cpu)
                {
                    // The override holds for both uses, and one copy serves them.
                    output.Output -= tensor.Bytes;
                    from = output;
                }
                from.Active -= tensor.ActiveBytes;
                to.Active += tensor.ActiveBytes;
            }
        }
    }

    private static Single[] Match(ModelShape model, IReadOnlyList<TensorOverride> overrides, int gpus)
    {
        if (overrides.Count == 0)
        {
            return [];
        }
        var targets = overrides.Select(item => (Pattern: item.Matcher(), Device: item.GpuIndex())).ToList();
        for (var index = 0; index < targets.Count; index++)
        {
            if (gpus > 0 && targets[index].Device >= gpus)
            {
                throw new ModelOpsException(ErrorKind.InvalidArgument, $"There is no {overrides[index].Device} for '{overrides[index].Pattern}': the engine uses {gpus} of this machine's GPUs.", "Count them from 0.");
            }
        }
        return [.. from tensor in model.Tensors
                   from layer in LayersOf(tensor)
                   where layer is null || layer < model.LoadedLayers
                   let name = layer is { } number ? tensor.NameIn(number) : tensor.Name
                   let target = targets.Find(target => target.Pattern.IsMatch(name))
                   where target.Pattern is not null && target.Device < gpus
                   let part = PartOf(model, tensor.Name, layer)
                   select new Single(part, layer ?? -1, tensor.Bytes, ActiveBytes(model, tensor, part, layer), target.Device + 1)];
    }

    private static long ActiveBytes(ModelShape model, TensorGroup tensor, Part part, int? layer) => part switch
    {
        Part.Input => 0,
        Part.Experts => (long)((double)tensor.Bytes / model.ExpertLayerBytes[layer!.Value] * model.ActiveExpertLayerBytes[layer.Value]),
        _ => tensor.Bytes,
    };

    private static Part PartOf(ModelShape model, string name, int? layer)
    {
        if (layer is { } index)
        {
            return model.ExpertLayerBytes[index] > 0 && TensorNames.IsExpert(name) ? Part.Experts : Part.Layer;
        }
        return !TensorNames.IsInput(name) ? Part.Output
            : name == "token_embd.weight" && model.TiedBytes > 0 ? Part.TiedInput
            : Part.Input;
    }

    private static IEnumerable<int?> LayersOf(TensorGroup tensor)
        => tensor.Name.Contains('*', StringComparison.Ordinal) ? tensor.Layers.Select(layer => (int?)layer) : [null];
}
