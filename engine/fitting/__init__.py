"""How a network is trained and evaluated: batches, the loop over them, and its progress."""
