"""The ways to the products of a ConvLSTM, which CudaBackend(products=...) chooses from."""

from typing import Literal

from kernels.cuda.launch.launch import DeviceLimits
from kernels.cuda.products.warpgroup.warpgroup_tiles import has_warpgroups

Products = Literal["auto", "warpgroups", "windows", "gathered"]
PRODUCTS = ("auto", "warpgroups", "windows", "gathered")


def wants_warpgroups(products: Products, precision: str, limits: DeviceLimits) -> bool:
    """Whether warpgroup products are to be looked at, on this device."""
    return products in ("auto", "warpgroups") and has_warpgroups(precision, limits)
