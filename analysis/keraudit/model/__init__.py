"""What is read of a model: its layers, the calls that connect them, and the blocks that people see in them."""
