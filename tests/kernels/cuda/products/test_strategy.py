"""How a strategy is chosen: by what fits, what is asked for and what costs least; and searches are remembered."""

from dataclasses import replace
from typing import Any

import pytest

from kernels.cuda import CudaBackend
from kernels.cuda.conv3d import conv3d
from kernels.cuda.conv_lstm import convolutions, persistent_tiles, weight_gradients
from kernels.cuda.launch.dry_runtime import H200, DryRuntime
from kernels.cuda.products.strategy import PRODUCTS, Product, Products, Strategy, choose
from kernels.cuda.products.warpgroup import warpgroup_gradient_tf32_tiles, warpgroup_search
from kernels.cuda.products.windowed import windowed_gradient_tiles, windowed_search
from kernels.specs import PRECISIONS, Conv3DSpec, ConvLSTMSpec
from tests.kernels.cuda.products.planned_layers import EXAMPLE

PRODUCT = Product("input_forward", EXAMPLE, "tf32", H200)


class Known(Strategy[ConvLSTMSpec]):
    """A strategy with a cost that is known; None: it does not fit."""

    def __init__(self, cost: float | None, *asked: Products) -> None:
        self._cost, self.asked = cost, asked

    def fits(self, product: Product[ConvLSTMSpec]) -> bool:
        return self._cost is not None

    def cost(self, product: Product[ConvLSTMSpec]) -> float:
        assert self._cost is not None, "asked for its cost only where it fits"
        return self._cost


FAST, FIRST, LAST = Known(1.0, "auto", "windows"), Known(3.0, "auto", "warpgroups"), Known(2.0, "auto", "warpgroups")
TOO_LARGE, NEVER_ASKED = Known(None, *PRODUCTS), Known(0.0)
STRATEGIES = (TOO_LARGE, NEVER_ASKED, FIRST, LAST, FAST)


def test_the_cheapest_that_fits_is_taken_unless_some_are_asked_for() -> None:
    assert choose(STRATEGIES, PRODUCT, "auto") is FAST
    assert choose(STRATEGIES, PRODUCT, "warpgroups") is FIRST, "the first of the list, whatever it costs"
    assert choose(STRATEGIES, PRODUCT, "windows") is FAST
    with pytest.raises(ValueError, match=r"products: expected 'auto' or 'gathered' .* got 'gathered' for ConvLSTMSpec"):
        choose(STRATEGIES, PRODUCT, "gathered")


ODD = ConvLSTMSpec(T=2, B=1, H=3, W=5, C=3, F=7, kh=13, kw=5)
LISTS: dict[str, tuple[tuple[Strategy[Any], ...], Product[Any]]] = {
    **{name: (found, replace(PRODUCT, name=name, spec=ODD)) for name, found in convolutions.STRATEGIES.items()},
    **{name: (found, replace(PRODUCT, name=name, spec=ODD)) for name, found in weight_gradients.STRATEGIES.items()},
    "conv3d": (conv3d.STRATEGIES, Product("conv3d", Conv3DSpec(2, 1, 3, 5, 3, 7, 1, 13, 5), "tf32", H200)),
}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_one_for_any_layer(name: str, precision: str) -> None:
    strategies, product = LISTS[name]
    for products in ("auto", "warpgroups", "gathered"):
        found = choose(strategies, replace(product, precision=precision), products)
        assert products in found.asked
    assert all(set(each.asked) <= set(PRODUCTS) and "auto" in each.asked for each in strategies)


SEARCHES: tuple[Any, ...] = (
    persistent_tiles.forward_tile,
    persistent_tiles.backward_tile,
    warpgroup_search.cheapest_group_tile,
    windowed_search.cheapest_tile,
    windowed_gradient_tiles.windowed_gradient_tile,
    warpgroup_gradient_tf32_tiles.warpgroup_tf32_tile,
)


def test_layers_of_one_size_share_a_search() -> None:
    """Whatever their gates and storage are: a tile depends on sizes alone."""
    CudaBackend(precision="tf32", runtime=DryRuntime()).conv_lstm(EXAMPLE)
    searched = [search.cache_info().misses for search in SEARCHES]
    assert all(searched), "these are the searches"
    like = replace(EXAMPLE, recurrent_activation="sigmoid", narrow_x=True, narrow_y=True)
    CudaBackend(precision="tf32", runtime=DryRuntime()).conv_lstm(like)
    assert [search.cache_info().misses for search in SEARCHES] == searched
    CudaBackend(precision="tf32", runtime=DryRuntime()).conv_lstm(replace(EXAMPLE, H=41))
    assert all(search.cache_info().misses > before for search, before in zip(SEARCHES, searched, strict=True))
