namespace ModelOps.Fit;

/// <summary>What the engine will ask of one device, part by part: what a fit adds up, and what an explanation explains.</summary>
internal sealed record DeviceNeeds(Device Device)
{
    /// <summary>Weights of the layers placed here.</summary>
    public long LayerWeights { get; init; }

    /// <summary>Experts that the CPU keeps of layers that are placed elsewhere.</summary>
    public long ExpertWeights { get; init; }

    /// <summary>Token embedding and other input tensors, which stay on the CPU.</summary>
    public long InputWeights { get; init; }

    /// <summary>Output tensors; 0 where a tied embedding, counted with the input, is the output too.</summary>
    public long OutputWeights { get; init; }

    /// <summary>LoRA adapters, beside the tensors they patch.</summary>
    public long AdapterWeights { get; init; }

    /// <summary>The projector's weights.</summary>
    public long ProjectorWeights { get; init; }

    /// <summary>Keys and values of the layers placed here.</summary>
    public long KvCache { get; init; }

    /// <summary>Recurrent state of the layers placed here.</summary>
    public long State { get; init; }

    /// <summary>The engine's compute buffer.</summary>
    public long Graph { get; init; }

    /// <summary>The logits that the engine hands out.</summary>
    public long Logits { get; init; }

    /// <summary>What GPU kernels unpack a quantized cache to.</summary>
    public long Unpacked { get; init; }

    /// <summary>The CPU's weights that the scheduler copies over for prompts, one tensor at a time.</summary>
    public long Copied { get; init; }

    /// <summary>What the projector computes a picture in.</summary>
    public long ProjectorGraph { get; init; }

    /// <summary>The process and the engine's libraries.</summary>
    public long Process { get; init; }

    /// <summary>The tokenizer's tables.</summary>
    public long Vocabulary { get; init; }

    /// <summary>The driver's context.</summary>
    public long DriverContext { get; init; }

    /// <summary>Set aside for fragmentation.</summary>
    public long Reserve { get; init; }

    /// <summary>The sums that a fit tells.</summary>
    public DeviceFit ToFit()
    {
        checked
        {
            var weights = LayerWeights + ExpertWeights + InputWeights + OutputWeights + AdapterWeights + ProjectorWeights;
            var compute = Graph + Logits + Unpacked + Copied + ProjectorGraph;
            var overhead = Process + Vocabulary + DriverContext + Reserve;
            return new DeviceFit(Device.Name, Device.Kind, weights, KvCache, State, compute, overhead, weights + KvCache + State + compute + overhead, Device.FreeBytes);
        }
    }
}
