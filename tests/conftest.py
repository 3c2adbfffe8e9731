"""What all tests share on the command line."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """--rehearse: run the tests marked gpu where there is no GPU."""
    parser.addoption(
        "--rehearse", action="store_true", help="tests marked gpu run in the simulator in place of a CUDA device"
    )
