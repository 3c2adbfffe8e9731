"""Products over windows that a block copies to shared memory once for all taps."""
