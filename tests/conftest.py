"""What all tests share: their option, and that no property of random examples is held to a time."""

import importlib.util

import pytest

# A machine with a GPU may have no hypothesis; the tests that run there need none.
if importlib.util.find_spec("hypothesis") is not None:
    from hypothesis import settings

    settings.register_profile("patient", parent=settings(), deadline=None)
    settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """--rehearse: run the tests marked gpu where there is no GPU."""
    parser.addoption(
        "--rehearse", action="store_true", help="tests marked gpu run in the simulator in place of a CUDA device"
    )
