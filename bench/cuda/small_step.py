"""Two training steps and a rollout of small networks in each precision, for compute-sanitizer to watch.

Every array is an allocation of its own, so that an access past its end is one past the end of an allocation.
"""

import sys

import numpy as np

from bench.cuda.device import Device
from bench.peers.ours import network_of
from bench.peers.work import Work
from kernels.cuda.backend import PRECISIONS

ODD = Work("train", filters=(5, 8), kernels=(3, 5), batch=2, frames=3, height=7, width=9)
HOPPER = Work("train", filters=(40, 40), kernels=(3, 3), batch=4, frames=3, height=20, width=20)
"""Small, but large enough for every kernel of warpgroup products that the example takes; not in a rehearsal."""


def main(rehearse: bool) -> None:
    """Run; prints the losses."""
    device = Device(rehearse)
    if not rehearse:
        import cupy

        cupy.cuda.set_allocator(None)
    with device.engine():
        for work in (ODD,) if rehearse else (ODD, HOPPER):
            x, y = work.movies()
            for precision in PRECISIONS:
                network = network_of(work, "cuda", precision)
                losses = [network.train_on_batch(x, y) for _ in range(2)]
                frames = network.rollout(x, 3)
                assert np.isfinite(losses).all() and np.isfinite(frames).all()
                print(precision, *losses)


if __name__ == "__main__":
    main("--rehearse" in sys.argv[1:])
