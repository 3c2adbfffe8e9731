"""Layers over the last axis alone, as the exporter writes them."""
