"""dtype as an argument of layers: that of the network, as Keras' scripts repeat it."""

import inspect
from typing import Any

import numpy as np
import pytest

import engine
from engine import Conv2D, Dense, Input, Model, Sequential, keras3
from engine.layers import LAYERS
from tests.quick.test_layers import ARGUMENTS


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_takes_it(name: str) -> None:
    layer = LAYERS[name](**ARGUMENTS.get(name, {}), dtype="float32")
    assert layer.given_dtype == "float32" and "dtype" not in layer.get_config()
    assert "dtype" in inspect.signature(LAYERS[name]).parameters


def test_a_layer_of_another_dtype_is_refused_with_the_mend() -> None:
    with pytest.raises(ValueError, match=r"dtype: dense has float64.*Sequential\(\.\.\., dtype"):
        Sequential([Dense(1, dtype=np.float64)], device="reference")
    Sequential([Dense(1, dtype=np.float64)], device="reference", dtype="float64")
    tensor = Input((4, 5, 1))
    with pytest.raises(ValueError, match="dtype: conv2d has float64"):
        Model(tensor, Conv2D(1, 1, dtype="float64")(tensor), device="reference")


@pytest.mark.parametrize("dtype", ["mixed_float16", "float16", "int32", 5])
def test_what_no_network_has_is_refused(dtype: Any) -> None:
    with pytest.raises(ValueError, match=r"dtype: expected 'float32' or 'float64'.*precision='bfloat16'"):
        Dense(1, dtype=dtype)


def test_a_class_of_one_s_own_takes_it() -> None:
    class Mine(engine.Dense):
        def __init__(self, units: int, **kwargs: Any) -> None:
            super().__init__(units, **kwargs)

    assert Mine(2, dtype="float32").given_dtype == "float32" and Mine(2).given_dtype is None
    assert keras3.Dense(1, dtype="float32").given_dtype == "float32"
