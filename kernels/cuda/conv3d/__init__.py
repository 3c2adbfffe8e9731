"""Conv3D: gathered, with few outputs, and strided or grouped."""
