"""Layers that give their input another shape, as the exporter writes them."""
