"""A network before any device: layers, the edges between them, shapes and names."""
