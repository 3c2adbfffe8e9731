"""Keras files: real ones, our own, and hostile ones."""
