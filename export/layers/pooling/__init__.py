"""Layers that make their input smaller, as the exporter writes them."""
