"""Normalizations, as the exporter writes them."""
