"""A run that begins on the GPU ends on the CPU, and the other way round."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from engine import FitLoop, Sequential
from engine.files.checkpoint import load_checkpoint, save_checkpoint
from engine.models.checkpoints import checkpoint_of, restore
from tests.gpu.networks import CASES

pytestmark = pytest.mark.gpu

CASE = CASES["odd"]
EPOCHS = 3


def begun(device: str) -> tuple[Sequential, FitLoop]:
    """A network and its training loop, two steps and the end of the epoch to each of EPOCHS."""
    network = CASE.network(device)
    x, y = CASE.batch()
    return network, FitLoop.on_arrays(network, x, y, batch_size=2, epochs=EPOCHS, seed=4)


@pytest.mark.parametrize(("first", "second"), [("cuda", "cpu"), ("cpu", "cuda"), ("cuda", "cuda")])
def test_resumed_on_the_other_device(first: str, second: str, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    network, loop = begun(first)
    for _ in islice(loop, 4):
        pass
    save_checkpoint(path, checkpoint_of(network, loop, [{"epoch": 1.0}]))
    resumed, resumed_loop = begun(second)
    restore(path, load_checkpoint(path), resumed, resumed_loop)
    for key, array in network.state_arrays().items():
        np.testing.assert_array_equal(resumed.state_arrays()[key], array, err_msg=key)
    ends = [list(each) for each in (loop, resumed_loop)]
    assert len(ends[0]) == len(ends[1]) == 3 * EPOCHS - 4
    before, after = network.state_arrays(), resumed.state_arrays()
    for key, array in before.items():
        if first == second:
            np.testing.assert_array_equal(after[key], array, err_msg=key)
        else:
            np.testing.assert_allclose(after[key], array, rtol=1e-3, atol=1e-4, err_msg=key)
