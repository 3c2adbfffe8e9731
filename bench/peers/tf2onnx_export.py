"""python -m bench.peers.tf2onnx_export WORK FILE: the same network as ONNX the way Keras writes it, through tf2onnx."""

import json
import sys

import tf2onnx

from bench.peers.keras_tf import KerasTensorFlow
from bench.peers.work import Work


def main() -> None:
    """Export; the last line of stdout is {"versions": ...}."""
    work = Work.from_json(sys.argv[1])
    peer = KerasTensorFlow(work, 1, "function")
    peer.forward(work.movies()[0])
    peer.model.export(sys.argv[2], format="onnx", verbose=False)
    print(json.dumps({"versions": {**peer.versions, "tf2onnx": tf2onnx.__version__}}))


if __name__ == "__main__":
    main()
