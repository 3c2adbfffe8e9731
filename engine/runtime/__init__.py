"""A graph on a device: its buffers, its passes forward and backward, streams and rollouts."""
