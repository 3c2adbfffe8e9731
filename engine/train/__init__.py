"""`python -m engine.train`: from a configuration to a run folder."""
