"""Whole numbers rounded up: how many parts cover a whole, and the next multiple."""


def ceil_div(a: int, b: int) -> int:
    """a / b, rounded up."""
    return -(-a // b)


def round_up(a: int, multiple: int) -> int:
    """The smallest multiple that is at least a."""
    return ceil_div(a, multiple) * multiple
