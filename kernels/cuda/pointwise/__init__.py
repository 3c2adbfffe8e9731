"""What is computed at each element: losses, updates, layouts, rules of weights."""
