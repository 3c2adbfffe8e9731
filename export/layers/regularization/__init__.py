"""Layers that act in training alone, as the exporter writes them."""
