"""What a trained network does with test images."""
