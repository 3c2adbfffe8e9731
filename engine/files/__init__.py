"""What is written to disk and read back: model files, checkpoints, and Keras' files."""
