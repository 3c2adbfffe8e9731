"""What the programs share: bad input is one line on standard error and exit code 2, never a traceback."""

import argparse
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong in one line, without the usage in front."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (--help shows how)\n")


def run_program(name: str, program: Callable[[], int]) -> int:
    """Run a program and return its exit code: 2 for bad input, 1 for what the machine refuses, 130 for Ctrl-C."""
    try:
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"{name}: warning: {message}", file=sys.stderr)
            return program()
    except ValueError as error:
        return _failed(name, str(error), 2)
    except (OSError, MemoryError) as error:
        return _failed(name, str(error) or type(error).__name__, 1)
    except KeyboardInterrupt:
        return _failed(name, "interrupted", 130)


def _failed(name: str, message: str, code: int) -> int:
    print(f"{name}: {' '.join(message.split())}", file=sys.stderr)
    return code
