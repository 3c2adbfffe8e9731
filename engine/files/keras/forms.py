"""Which layer a Keras class is, and how a layer is called in Keras: read from the layers' own declarations."""

from engine.layers import LAYERS, Layer
from engine.layers.keras_form import KerasForm


def form_of(layer: Layer | type[Layer]) -> KerasForm:
    """The layer's KerasForm; ValueError naming it where its class has none of its own."""
    kind = layer if isinstance(layer, type) else type(layer)
    form = kind.__dict__.get("keras_form")
    if form is None:
        name = kind.__name__ if isinstance(layer, type) else layer.name
        raise ValueError(
            f"layer {name!r}: {kind.__name__} is not offered in Keras files, for it declares no keras_form; save "
            ".safetensors"
        )
    return form


def layers_by_keras_name() -> dict[str, type[Layer]]:
    """All classes that Keras' files may name, under the names of every Keras."""
    known: dict[str, type[Layer]] = {}
    for layer in LAYERS.values():
        form = layer.__dict__.get("keras_form")
        if form is not None:
            known |= dict.fromkeys((form.class_name, *form.former_names), layer)
    return known
