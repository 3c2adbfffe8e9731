"""Recurrent layers, as the exporter writes them."""
