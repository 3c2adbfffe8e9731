"""What kernels of every room use: PTX, stored operands, sums of a block, activations, precisions."""
