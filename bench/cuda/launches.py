"""Every kernel launch of a piece of work, noted as it is made, so that it can be made again and timed."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from kernels.cuda.launch.launch import Function, Runtime
from kernels.cuda.launch.source import Source

_CONSTANT = re.compile(r"^#define SPEC_(\w+) \(?(-?\d+)\)?$", re.MULTILINE)


@dataclass(frozen=True)
class Launch:
    """One launch, ready to be made again.

    Attributes:
        source, kernel: the program and the name of its kernel.
        grid, block, shared_bytes, cooperative: how it is launched.
        arguments: by parameter name; arrays are the runtime's own, or None.
    """

    source: Source
    kernel: str
    function: Function
    grid: tuple[int, int, int]
    block: tuple[int, int, int]
    shared_bytes: int
    cooperative: bool
    arguments: Mapping[str, Any]

    def again(self) -> None:
        """Launch it once more, on the same arrays."""
        self.function.launch(
            self.grid, self.block, list(self.arguments.values()), self.shared_bytes, self.cooperative
        )  # fmt: skip

    @property
    def constants(self) -> dict[str, int]:
        """The sizes that the program was compiled for: C, F, KH, ..."""
        return {name: int(value) for name, value in _CONSTANT.findall(self.source.text)}

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.block[0] * self.block[1] * self.block[2]

    @property
    def moved_bytes(self) -> int:
        """What must be moved if every array argument is moved once, and nothing is found in a cache."""
        return sum(
            array.nbytes
            for parameter in self.source.kernels[self.kernel]
            if parameter.is_array and (array := self.arguments[parameter.name]) is not None
        )


class _Noting(Function):
    """A function whose launches are noted while `launches` is a list."""

    def __init__(self, recorder: "Recorder", source: Source, kernel: str, function: Function) -> None:
        self._recorder, self._source, self._kernel, self._function = recorder, source, kernel, function

    def launch(
        self,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        args: Sequence[Any],
        shared_bytes: int,
        cooperative: bool,
    ) -> None:
        if self._recorder.recording:
            names = [parameter.name for parameter in self._source.kernels[self._kernel]]
            arguments = dict(zip(names, args, strict=True))
            self._recorder.launches.append(
                Launch(self._source, self._kernel, self._function, grid, block, shared_bytes, cooperative, arguments)
            )
        self._function.launch(grid, block, args, shared_bytes, cooperative)

    def blocks_per_sm(self, threads: int, shared_bytes: int) -> int:
        return self._function.blocks_per_sm(threads, shared_bytes)

    def registers(self) -> tuple[int, int] | None:
        return self._function.registers()


class Recorder:
    """Notes the launches of every program that its runtime compiles from now on, while `recording` is set.

    Attributes:
        launches: in the order in which they were made.
    """

    def __init__(self) -> None:
        self.recording = False
        self.launches: list[Launch] = []

    @contextmanager
    def on(self, runtime: Runtime) -> Iterator[None]:
        """Inside, programs that `runtime` compiles are watched."""
        compile_program = runtime.compile

        def compile_and_watch(source: Source) -> Mapping[str, Function]:
            functions = compile_program(source)
            return {name: _Noting(self, source, name, function) for name, function in functions.items()}

        with mock.patch.object(runtime, "compile", compile_and_watch):
            yield
