"""From source text to a launch on a device: CuPy's, or one that only plans."""
