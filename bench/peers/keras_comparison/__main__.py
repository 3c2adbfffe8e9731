"""Run every comparison and print the largest difference of each; exit code 1 if one is above its bound."""

import argparse
import sys

from bench.peers.keras_comparison.files import compare_files

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.peers.keras_comparison", description=__doc__)
    parser.add_argument("--networks", type=int, default=20, help="random networks, every fifth in Keras 2 (default 20)")
    sys.exit(0 if compare_files(parser.parse_args().networks) else 1)
