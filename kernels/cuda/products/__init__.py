"""Convolutions and weight gradients by tensor cores, and the tiles that they are cut into."""
