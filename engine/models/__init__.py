"""Keras' faces of a network: each call goes down once, to the room that does the work."""
