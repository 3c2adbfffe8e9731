"""What is computed at each element: activations, losses, updates of weights."""
