"""A step graph whose states stay on its device, in two sets that are used in turn, with no copies to the host."""

from typing import Any

import numpy as np

from kernels.arrays import HostArray

_DTYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class StepStream:
    """One stream of frames through a step graph, beginning with zero states.

    Args:
        session: the onnxruntime session of a step graph.
        states: the pairing from the file's metadata: {"past", "present", "shape"} each.
        sizes: what the named sizes in the shapes stand for: {"N": ..., "H": ..., "W": ...}; "H/4" is a quarter of H.
        device: "cpu" or "cuda", where the states live.
    """

    def __init__(self, session: Any, states: list[dict[str, Any]], sizes: dict[str, int], device: str) -> None:
        from onnxruntime import OrtValue

        self._session, self._states, self._device = session, states, device
        dtypes = {value.name: _DTYPES[value.type] for value in session.get_inputs()}
        self._sets = [
            {
                state["past"]: OrtValue.ortvalue_from_numpy(
                    np.zeros([_known(size, sizes) for size in state["shape"]], dtypes[state["past"]]), device, 0
                )
                for state in states
            }
            for _ in range(2)
        ]
        self._binding = session.io_binding()

    def step(self, frame: HostArray) -> HostArray:
        """Take the next frame (N,H,W,C) float32 of each movie; return the prediction (N,H,W,K) of the one after it."""
        past, present = self._sets
        binding = self._binding
        binding.bind_cpu_input("frame", np.ascontiguousarray(frame))
        for state in self._states:
            binding.bind_ortvalue_input(state["past"], past[state["past"]])
            binding.bind_ortvalue_output(state["present"], present[state["past"]])
        binding.bind_output("prediction")
        self._session.run_with_iobinding(binding)
        self._sets.reverse()
        prediction: HostArray = binding.get_outputs()[-1].numpy()
        return prediction


def _known(size: int | str, sizes: dict[str, int]) -> int:
    if isinstance(size, int):
        return size
    name, _, parts = size.partition("/")
    return sizes[name] // int(parts or 1)
