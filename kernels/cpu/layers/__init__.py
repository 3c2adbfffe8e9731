"""The layers' operations, forward and backward side by side."""
