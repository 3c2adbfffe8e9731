"""What the programs share: bad input is one line on standard error and exit code 2, never a traceback."""

import argparse
import contextlib
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TextIO, cast


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong in one line, without the usage in front."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help shows how)\n")


def run_program(name: str, program: Callable[[], int]) -> int:
    """Run a program and return its exit code: 2 for bad input, 1 for what the machine refuses, 130 for Ctrl-C.

    A reader that goes away (`| head -1`, a closed terminal) does not end it: its work is worth more than its output.
    """
    out, err = (_Output(stream) for stream in (sys.stdout, sys.stderr))
    with contextlib.redirect_stdout(cast(TextIO, out)), contextlib.redirect_stderr(cast(TextIO, err)):
        code = _run(name, program)
        out.flush()
        err.flush()
    return code


def _run(name: str, program: Callable[[], int]) -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"{name}: warning: {message}", file=sys.stderr)
            return program()
    except ValueError as error:
        return failed(name, str(error), 2)
    except OSError as error:
        return failed(name, what_failed(error), 1)
    except MemoryError as error:
        return failed(name, str(error) or "MemoryError", 1)
    except KeyboardInterrupt:
        return failed(name, "interrupted", 130)


def failed(name: str, message: str, code: int) -> int:
    """Say in one line on standard error what went wrong; returns the exit code."""
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr)
    return code


def what_failed(error: OSError) -> str:
    """The file and what is wrong with it, without the number."""
    if error.filename is None or error.strerror is None:
        return str(error) or type(error).__name__
    return f"{error.filename}: {error.strerror}"


def check_target(name: str, path: Path, suffix: str, inputs: dict[str, str]) -> None:
    """Refuse a file that cannot be written, or that would replace what the program reads.

    Args:
        name: of the argument that gave `path`.
        suffix: that it must have.
        inputs: paths of what is read, by the names people know the arguments by.

    Raises ValueError.
    """
    if path.suffix.lower() != suffix:
        raise ValueError(f"{name}: expected a file name that ends in {suffix}, got {path}")
    if not path.parent.is_dir():
        raise ValueError(f"{name}: there is no folder {path.parent}")
    if path.is_dir():
        raise ValueError(f"{name}: {path} is a folder")
    for argument, given in inputs.items():
        if path.exists() and Path(given).exists() and path.samefile(given):
            raise ValueError(f"{name}: {path} is the file that {argument} names and would be overwritten")


class _Output:
    """Standard output or error that drops what cannot be written, in silence.

    Args:
        stream: the real one; None where the process was started without.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(text)
            except OSError:
                self._drop(self._stream)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            try:
                self._stream.flush()
            except OSError:
                self._drop(self._stream)

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _drop(self, stream: TextIO) -> None:
        """Send further output, and what the stream still holds, nowhere: Python flushes at exit and would fail."""
        self._stream = None
        with contextlib.suppress(OSError, ValueError):  # a stream in memory has no descriptor
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
