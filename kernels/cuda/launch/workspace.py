"""Scratch arrays that operations share: each uses them within one call and keeps nothing in them."""

from typing import Any

from kernels.cuda.launch.launch import Runtime


class Workspace:
    """Scratch of one back end. Calls run in order on one stream, so two operations may use one array in turn.

    Arrays are made when an operation is made and live as long as the back end does. They are shared by exact shape, so
    that an access past the end is past the end of the array.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._arrays: dict[tuple[str, tuple[int, ...], str], Any] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: str = "float32") -> Any:
        """The array of that name, shape and dtype. Two arrays that one call needs at a time have different names."""
        key = (name, shape, dtype)
        if key not in self._arrays:
            self._arrays[key] = self._runtime.empty(shape, dtype)
        return self._arrays[key]
