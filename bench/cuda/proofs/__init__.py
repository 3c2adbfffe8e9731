"""What must be true before anything is timed: tests, gradients, compute-sanitizer."""
