"""What Keras 3 writes of each layer with its defaults is taken without a remark."""

import json

import pytest

from engine.files.keras.layer_arguments import engine_arguments
from engine.layers import LAYERS
from tests.paths import FIXTURES

CONFIGS = json.loads((FIXTURES / "keras_layer_configs.json").read_text(encoding="utf-8"))


def test_every_layer_of_keras_is_there() -> None:
    assert {name for name, layer in LAYERS.items() if layer.keras_form is not None} == set(CONFIGS)


@pytest.mark.parametrize("name", CONFIGS)
def test_defaults_of_keras_3_are_taken(name: str) -> None:
    untrainable: list[str] = []
    remarks: list[str] = []
    engine_arguments(CONFIGS[name], 3, untrainable, remarks)
    assert not untrainable and not remarks


def test_what_changes_the_numbers_is_refused() -> None:
    entry = CONFIGS["LayerNormalization"]
    changed = {**entry, "config": {**entry["config"], "rms_scaling": True}}
    with pytest.raises(ValueError, match="rms_scaling is not offered here: True"):
        engine_arguments(changed, 3, [], [])
