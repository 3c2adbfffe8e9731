"""What only a GPU can show. `python -m pytest -m gpu`; with --rehearse in the simulator."""
