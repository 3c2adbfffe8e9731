"""Layers of one's own: on every back end, in files and checkpoints; refused where they declare nothing."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine import BoundLayer, Conv3D, Layer, Sequential, WeightSpec
from engine.initializers import Constant
from engine.layers import LAYERS
from engine.layers.keras_form import KerasForm
from export.layers import NODES, FrameLayer
from kernels.specs import Conv3DSpec
from tests.simulated import simulate_device

X = np.random.default_rng(3).random((2, 4, 5, 6, 2), dtype=np.float32)
Y = np.random.default_rng(4).random((2, 4, 5, 6, 1), dtype=np.float32)


class Scale(Layer):
    """y = scale * x, with a scale for each channel."""

    frame_by_frame = True

    def __init__(self, start: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start = float(start)

    def get_config(self) -> dict[str, Any]:
        return {"start": self.start, **super().get_config()}

    def declare_weights(self, shape: Any) -> list[WeightSpec]:
        return [WeightSpec("scale", (1, 1, 1, 1, self.channels(shape)), Constant(self.start))]

    def bind_to(self, backend: Any, x_shape: Any, training: bool) -> BoundLayer:
        return BoundScale(self, backend, x_shape, training)


class BoundScale(BoundLayer):
    """A convolution of one tap that keeps channels apart."""

    def __init__(self, layer: Any, backend: Any, x_shape: Any, training: bool) -> None:
        T, B, H, W, C = x_shape
        self.scale = layer.scale
        spec = Conv3DSpec(T=T, B=B, H=H, W=W, C=C, K=C, kt=1, kh=1, kw=1, groups=C, training=training)
        self.product, self.zeros, self.unread = backend.conv3d(spec), backend.zeros((C,)), backend.zeros((C,))

    def forward(self, x: Any) -> Any:
        self.x = x
        return self.product.forward(x, self.scale.value, self.zeros)

    def backward(self, dy: Any, need_dx: bool) -> Any:
        return self.product.backward(dy, self.x, self.scale.value, self.scale.gradient, self.unread, need_dx)


class ScaleNodes(FrameLayer):
    """One multiplication."""

    def __init__(self, layer: Any, channels: int, size: Any, rank: int) -> None:
        super().__init__(layer.name, channels, size)
        self.scale = layer.scale.to_host().reshape(-1, 1, 1)

    def frame(self, graph: Any, x: str) -> str:
        return graph.node("Mul", x, graph.constant("scale", self.scale), name="scaled")


@pytest.fixture(autouse=True)
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test registers is gone after it."""
    monkeypatch.setattr(LAYERS, "_classes", dict(LAYERS._classes))
    yield


def network(device: str = "reference", dtype: str = "float32", layer: type[Layer] = Scale) -> Sequential:
    """The layer between two convolutions, as Sequential has it."""
    layers = [
        Conv3D(3, (1, 3, 3), padding="same", activation="tanh", input_shape=(None, 5, 6, 2)),
        layer(start=0.7),
        Conv3D(1, 1),
    ]
    built = Sequential(layers, device=device, dtype=dtype, seed=2)
    built.compile(optimizer="adam", loss="mse")
    return built


@pytest.mark.parametrize("device", ["reference", "cpu", "cuda"])
def test_it_learns_on_every_back_end(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate_device(monkeypatch, checked=False)
    built, oracle = network(device), network("reference", "float64")
    found, expected = built.loss_and_gradients(X, Y), oracle.loss_and_gradients(X, Y)
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    for name, gradient in expected[1].items():
        assert np.abs(gradient).max() > 1e-6
        np.testing.assert_allclose(found[1][name], gradient, rtol=1e-3, atol=1e-6, err_msg=name)
    before = built.get_weights()
    built.fit(X, Y, epochs=1, verbose=0)
    assert all((old != new).any() for old, new in zip(before, built.get_weights(), strict=True))


def test_it_comes_back_from_a_file_by_its_registered_name(tmp_path: Path) -> None:
    engine.register(Scale, name="acme>Scale")
    built = network()
    built.fit(X, Y, epochs=1, verbose=0)
    built.save(tmp_path / "model.safetensors")
    assert built.get_config()["layers"][1]["class_name"] == "acme>Scale"
    again = engine.load_model(tmp_path / "model.safetensors", device="reference")
    assert again.get_config() == built.get_config()
    np.testing.assert_array_equal(again.predict(X), built.predict(X))


def test_custom_objects_serve_where_nothing_is_registered(tmp_path: Path) -> None:
    built = network()
    path = tmp_path / "model.safetensors"
    built.save(path)
    with pytest.raises(ValueError, match=r"class_name.*'Scale'"):
        engine.load_model(path, device="reference")
    again = engine.load_model(path, device="reference", custom_objects={"Scale": Scale})
    np.testing.assert_array_equal(again.predict(X), built.predict(X))
    assert "Scale" not in LAYERS
    with pytest.raises(ValueError, match="custom_objects: 'Scale': expected a subclass of one of"):
        engine.load_model(path, device="reference", custom_objects={"Scale": int})


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_a_keras_file_wants_a_keras_form(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built, path = network(), tmp_path / f"model{suffix}"
    with pytest.raises(ValueError, match="layer 'scale': Scale is not offered in Keras files"):
        built.save(path)
    assert not path.exists()
    engine.register(Scale)
    monkeypatch.setattr(Scale, "keras_form", KerasForm("Scale", groups=("scale",)))
    built.fit(X, Y, epochs=1, verbose=0)
    built.save(path)
    if suffix == ".weights.h5":
        again = network()
        again.load_weights(path)
    else:
        again = engine.load_model(path, device="reference")
    np.testing.assert_array_equal(again.predict(X), built.predict(X))


def test_a_subclass_inherits_no_form_in_files() -> None:
    class Other(engine.Dropout):
        pass

    built = Sequential([Other(0.5, input_shape=(None, 5, 6, 2)), Conv3D(1, 1)], device="reference")
    built.build()
    for path in ("model.keras", "model.h5"):
        with pytest.raises(ValueError, match="layer 'other': Other is not offered in Keras files"):
            built.save(path)


def test_onnx_wants_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from export import OnnxNetwork

    built, path = network(), tmp_path / "model.onnx"
    built.build()
    with pytest.raises(ValueError, match=r"got 'scale' of class Scale"):
        built.export(path)
    assert not path.exists()
    monkeypatch.setitem(NODES, Scale, ScaleNodes)
    built.export(path)
    np.testing.assert_allclose(OnnxNetwork(path).predict(X), built.predict(X), atol=1e-5)


def test_it_streams_if_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Scale(start=0.5, input_shape=(None, 5, 6, 2))
    built = Sequential([layer], device="reference")
    assert layer.can_stream
    streamed = built.rollout(X[0], 3)
    monkeypatch.setattr(Scale, "frame_by_frame", False)
    assert not layer.can_stream
    np.testing.assert_allclose(built.rollout(X[0], 3), streamed, rtol=1e-6)


def test_what_cannot_work_is_refused() -> None:
    class Nothing(Layer):
        pass

    class Forgets(Scale):
        get_config = Layer.get_config

    class Lonely(Scale):
        def __init__(self, start: float = 1.0) -> None:
            super().__init__(start)

    with pytest.raises(ValueError, match="cls: Nothing has no bind_to"):
        engine.register(Nothing)
    with pytest.raises(ValueError, match="cls: Forgets's get_config must say start"):
        engine.register(Forgets)
    with pytest.raises(ValueError, match="cls: Lonely's __init__ must take name, input_shape and trainable"):
        engine.register(Lonely)


def test_the_example_of_the_docstring_is_a_layer() -> None:
    assert Layer.__doc__ is not None
    example = Layer.__doc__.split("engine.register then makes")[1].split("    Args:\n")[0].partition("\n\n")[2]
    given: dict[str, Any] = {"engine": engine}
    exec(textwrap.dedent(example), given)
    built = Sequential([Conv3D(2, 1, input_shape=(None, 5, 6, 2)), given["Damp"](), Conv3D(1, 1)], device="reference")
    built.compile(optimizer="adam", loss="mse")
    gradients = built.loss_and_gradients(X, Y)[1]
    plain = Sequential([Conv3D(2, 1, activation="tanh", input_shape=(None, 5, 6, 2)), Conv3D(1, 1)], device="reference")
    plain.compile(optimizer="adam", loss="mse")
    plain.set_weights(built.get_weights())
    for found, expected in zip(gradients.values(), plain.loss_and_gradients(X, Y)[1].values(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert built.get_config()["layers"][1] == {"class_name": "Damp", "config": {"name": "damp"}}
