"""One way to say what is wrong with a file: a ValueError that begins with its path."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DAMAGE = (
    OSError, EOFError, RuntimeError, LookupError, TypeError, AttributeError, NotImplementedError, OverflowError,
)  # fmt: skip
"""What h5py, zipfile and json raise over bytes that are not what they should be."""


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn whatever reading `path` raises over its content into a ValueError that names the file.

    RuntimeError covers RecursionError (JSON nested without end) and zipfile's encrypted members.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: damaged, or not a Keras file ({error})") from None
    except ValueError as error:
        text = str(error)
        raise ValueError(text if text.startswith(str(path)) else f"{path}: {text}") from None
    except _DAMAGE as error:
        raise ValueError(f"{path}: damaged, or not a Keras file ({error})") from None
