"""What a model costs: MACs, FLOPs, parameters, memory, receptive field."""
