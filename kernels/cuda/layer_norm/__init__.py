"""LayerNormalization."""
