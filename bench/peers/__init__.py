"""What the engine is measured against, each in its own process, and the engine itself behind the same protocol."""
