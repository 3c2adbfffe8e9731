"""Convolutions, as the exporter writes them."""
