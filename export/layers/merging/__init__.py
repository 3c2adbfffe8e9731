"""Layers of several inputs, as the exporter writes them."""
