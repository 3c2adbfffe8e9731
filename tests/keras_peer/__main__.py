"""Run every comparison and print the largest difference of each; exit code 1 if one is above its bound."""

import argparse
import sys

from tests.keras_peer.files import compare_files

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.keras_peer", description=__doc__)
    parser.add_argument("--networks", type=int, default=8, help="random networks for each of Keras 3 and 2 (default 8)")
    sys.exit(0 if compare_files(parser.parse_args().networks) else 1)
