"""Numbers that others published (tests/fixtures/goldens.json, each with its source), reproduced by the engine.

NOT_CHECKED says which numbers are kept without a test, and why.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import engine
from engine.initializers import INITIALIZERS
from engine.optimizers.base import Layout
from kernels.select import open_backend
from tests.paths import FIXTURES

Array = np.ndarray[Any, Any]

_FILE = FIXTURES / "goldens.json"
NOT_CHECKED = {
    "training_curve_kerasio_2020_adadelta_lr0.001": "one unseeded run of 200 epochs on a GPU; hours here, and no two "
    "runs agree. `python -m bench keras --section example` follows Keras step by step instead",
    "training_curve_iamrakesh28_2020_adadelta_lr1": "one unseeded run of 5 epochs by an unstated version; the same",
}
GOLDENS = {case["name"]: case for case in json.loads(_FILE.read_text(encoding="utf-8"))["cases"]}


def test_no_number_is_left_out_without_a_reason() -> None:
    tests = Path(__file__).read_text(encoding="utf-8").partition("def array(")[2]
    named = {name for name in GOLDENS if f'"{name}"' in tests}
    assert named | set(NOT_CHECKED) == set(GOLDENS)


def array(spec: dict[str, Any]) -> Array:
    """An array as goldens.json describes it, float64."""
    size = int(np.prod(spec["shape"]))
    if spec["spec"] == "arange":
        flat = (np.arange(size) + spec["start"]) * spec["scale"]
    elif spec["spec"] == "const":
        flat = np.full(size, spec["value"], dtype=np.float64)
    else:
        flat = np.asarray(spec["data"], dtype=np.float64)
    return flat.reshape(spec["shape"])


def arrays(case: dict[str, Any], part: str) -> dict[str, Any]:
    """The inputs or the expected values of a case, specs expanded."""
    return {k: array(v) if isinstance(v, dict) and "spec" in v else v for k, v in case[part].items()}


def close(actual: Any, expected: Any, case: dict[str, Any]) -> None:
    """To the tolerance that the case's source asks of itself."""
    tolerance = case["tolerance"]
    if "decimals" in tolerance:
        np.testing.assert_allclose(actual, expected, rtol=0.0, atol=0.5 * 10.0 ** -tolerance["decimals"])
    else:
        np.testing.assert_allclose(actual, expected, rtol=tolerance["rtol"], atol=tolerance["atol"])


@pytest.fixture(params=["reference", "cpu"])
def device(request: pytest.FixtureRequest) -> str:
    return request.param


def network(
    device: str, x: Array, *layers: Any, loss: str = "mse", dtype: str = "float64"
) -> engine.Sequential:  # fmt: skip
    """A network for inputs like x."""
    built = engine.Sequential(layers, device=device, dtype=dtype)
    built.compile(loss=loss)
    built.build(x.shape[1:])
    return built


@pytest.mark.parametrize(
    ("name", "gates"),
    [
        ("keras3_convlstm2d_correctness__sigmoid", "sigmoid"),
        ("keras3_convlstm2d_correctness__hard_sigmoid_keras2", "hard_sigmoid"),
    ],
)
def test_conv_lstm(name: str, gates: str, device: str) -> None:
    case = GOLDENS[name]
    given = arrays(case, "inputs")
    layer = engine.ConvLSTM2D(given["kernel"].shape[-1] // 4, 3, recurrent_activation=gates)
    built = network(device, given["x"], layer)
    built.set_weights([given["kernel"], given["recurrent_kernel"], given["bias"]])
    close(built.predict(given["x"]), arrays(case, "expected")["h_last"], case)


def test_output_shapes() -> None:
    case = GOLDENS["keras_convlstm2d_shapes"]
    for given, expected in zip(case["inputs"], case["expected"], strict=True):
        layer = engine.ConvLSTM2D(
            given["filters"], given["k"], padding=given["padding"], return_sequences=given["rs"]
        )  # fmt: skip
        x = np.zeros(given["x"])
        assert list(network("reference", x, layer).predict(x).shape) == expected


def test_parameter_counts() -> None:
    case = GOLDENS["param_counts"]
    for given, expected in zip(case["inputs"]["convlstm2d"], case["expected"]["convlstm2d"], strict=True):
        layer = engine.ConvLSTM2D(given["filters"], given["kernel"], padding="same", return_sequences=True)
        layer.build((None, None, None, given["in"]), np.random.default_rng(0))
        assert sum(np.prod(weight.shape) for weight in layer.weights) == expected


def test_parameter_counts_of_the_example() -> None:
    expected = GOLDENS["param_counts"]["expected"]["moving_squares"]
    built = engine.Sequential(device="reference")
    for _ in range(4):
        built.add(engine.ConvLSTM2D(40, (3, 3), padding="same", return_sequences=True))
        built.add(engine.BatchNormalization())
    built.add(engine.Conv3D(1, (3, 3, 3), activation="sigmoid", padding="same"))
    built.build((None, 40, 40, 1))
    counts = [int(sum(np.prod(weight.shape) for weight in layer.weights)) for layer in built.layers]
    assert counts[0:8:2] == expected["convlstm_layers"]
    assert counts[1:8:2] == [expected["bn_each"]] * 4
    assert counts[8] == expected["conv3d"]
    trainable = int(sum(np.prod(weight.shape) for weight in built.trainable_weights))
    assert (sum(counts), trainable) == (expected["total"], expected["trainable"])


@pytest.mark.parametrize("name", ["tf_conv3d_2x2x2", "tf_conv3d_2x2x2_stride2_valid", "tf_conv3d_strides_same"])
def test_conv3d(name: str, device: str) -> None:
    case = GOLDENS[name]
    given, expected = arrays(case, "inputs"), arrays(case, "expected")["y"]
    kernel = given["kernel"]
    layer = engine.Conv3D(
        kernel.shape[-1], kernel.shape[:3], strides=given["strides"], padding=given["padding"], use_bias=False
    )
    built = network(device, given["x"], layer)
    built.set_weights([kernel])
    close(built.predict(given["x"]), expected, case)


@pytest.mark.parametrize("gates", ["hard_sigmoid", "hard_sigmoid_keras3"])
def test_hard_sigmoid(gates: str, device: str) -> None:
    """One pixel whose input and candidate are saturated: h = sigma(x) tanh(1), and dh/db_o = sigma'(x) tanh(1)."""
    case = GOLDENS["hard_sigmoid_keras2" if gates == "hard_sigmoid" else "hard_sigmoid_keras3"]
    given, expected = arrays(case, "inputs")["x"], arrays(case, "expected")["y"]
    for value, sigma in zip(given, expected, strict=True):
        x = np.full((1, 1, 1, 1, 1), value)
        layer = engine.ConvLSTM2D(1, (1, 1), padding="same", return_sequences=True, recurrent_activation=gates)
        built = network(device, x, layer)
        only_output_gate = np.zeros((1, 1, 1, 4))
        only_output_gate[..., 3] = 1.0
        built.set_weights([only_output_gate, np.zeros((1, 1, 1, 4)), np.array([50.0, 0.0, 50.0, 0.0])])
        h = built.predict(x)
        close(h / np.tanh(1.0), np.full_like(h, sigma), case)
        if "gradient" in case and abs(value) != 2.5:
            _, gradients = built.loss_and_gradients(x, h - 0.5)
            slope = case["gradient"]["inside_open(-2.5,2.5)" if abs(value) < 2.5 else "outside"]
            bias_gradient = next(gradient for name, gradient in gradients.items() if name.endswith("bias"))
            assert bias_gradient[3] / np.tanh(1.0) == pytest.approx(slope, abs=1e-12)


def test_batch_normalization_in_inference(device: str) -> None:
    case = GOLDENS["keras3_ops_batch_normalization"]
    given, expected = arrays(case, "inputs"), arrays(case, "expected")
    x = given["x"][:, None, None, None]
    built = network(device, x, engine.BatchNormalization(epsilon=given["epsilon"]))
    built.set_weights([given["scale"], given["offset"], given["mean"], given["variance"]])
    close(built.predict(x)[:, 0, 0, 0], expected["y"], case)
    built.set_weights([np.ones(3), np.zeros(3), given["mean"], given["variance"]])
    close(built.predict(x)[:, 0, 0, 0], expected["y_without_scale_offset"], case)


def test_moving_variance_is_biased(device: str) -> None:
    """Keras 2.2 and 2.3 stored n / (n - 1.001) times the variance that Keras 3 and the engine store."""
    case = GOLDENS["keras2_bn_moving_variance_issue10443"]
    x = arrays(case, "inputs")["x"][:, None, None, None]
    built = network(device, x, engine.BatchNormalization(momentum=case["inputs"]["momentum"]))
    built.train_on_batch(x, np.zeros_like(x))
    _, _, mean, variance = built.get_weights()
    close(mean, [case["expected"]["moving_mean"]], case)
    close(variance * len(x) / (len(x) - 1.001), [case["expected"]["moving_variance"]], case)
    np.testing.assert_allclose(variance, np.var(x), rtol=1e-12)


def adadelta_steps(device: str, start: Array, gradients: Any, inputs: dict[str, Any]) -> list[Array]:
    """The weights after each step."""
    backend = open_backend(device, "float64")
    optimizer = engine.Adadelta(inputs["learning_rate"], inputs["rho"], inputs["epsilon"])
    optimizer.bind(backend, Layout(("weights",), (0, len(start))))
    weights = backend.from_host(start)
    after = []
    for gradient in gradients:
        optimizer.begin_step(backend)
        optimizer.update(backend, weights, backend.from_host(np.atleast_1d(np.asarray(gradient, np.float64))))
        after.append(backend.to_host(weights))
    return after


def test_adadelta(device: str) -> None:
    case = GOLDENS["keras3_adadelta_golden"]
    given, expected = arrays(case, "inputs"), case["expected"]
    after = adadelta_steps(device, given["x0"], given["grads"], given)
    close(after, expected["x_after_each_step"], case)
    np.testing.assert_allclose(after, expected["x_after_each_step_float64_formula"], rtol=1e-13)


def test_adadelta_steps_with_the_old_delta_accumulator(device: str) -> None:
    case = GOLDENS["tf_issue9058_adadelta_order"]
    given = case["inputs"]
    (after,) = adadelta_steps(device, np.array([given["x0"]]), given["grads"], given)
    close(after, [case["expected"]["x"]], case)


def cross_entropy(device: str, logits: Array, target: Array) -> float:
    """The loss of a network that hands its input on as logits."""
    x, y = logits[:, :, None, None, None], target[:, :, None, None, None]
    built = network(device, x, engine.Conv3D(1, 1, padding="same", activation="sigmoid"), loss="binary_crossentropy")
    built.set_weights([np.ones((1, 1, 1, 1, 1)), np.zeros(1)])
    return built.evaluate(x, y)


def test_binary_crossentropy_of_probabilities(device: str) -> None:
    case = GOLDENS["keras3_bce_unweighted_probs"]
    given = arrays(case, "inputs")
    logits = np.log(given["y_pred"]) - np.log1p(-given["y_pred"])
    close(cross_entropy(device, logits, given["y_true"]), case["expected"]["loss"], case)


def test_binary_crossentropy_of_certain_probabilities(device: str) -> None:
    """As Keras 3 has it in float32, and to three decimals Keras 2.2. tf.keras adds its epsilon twice; not so here."""
    case = GOLDENS["bce_clip_probe_by_version"]
    given = arrays(case, "inputs")
    x, y = (given[name][:, :, None, None, None] for name in ("y_pred", "y_true"))
    built = network(device, x, engine.Conv3D(1, 1, use_bias=False), loss="binary_crossentropy", dtype="float32")
    built.set_weights([np.ones((1, 1, 1, 1, 1))])
    for version in ("keras3", "keras_2.2.4"):
        close(built.evaluate(x, y), case["expected"][version], case)


def test_binary_crossentropy_of_logits(device: str) -> None:
    case = GOLDENS["keras3_bce_logits"]
    given = arrays(case, "inputs")
    close(cross_entropy(device, given["logits"], given["y_true"]), case["expected"]["loss"], case)


def test_glorot_uniform_counts_all_gates() -> None:
    case = GOLDENS["initializer_limits"]
    limits, deviations = case["expected"]["limit"], case["expected"]["std_of_uniform"]
    for shape, limit, deviation in zip(case["inputs"]["shapes"], limits, deviations, strict=True):
        drawn = np.stack([INITIALIZERS["glorot_uniform"](tuple(shape), np.random.default_rng(n)) for n in range(20)])
        assert 0.98 * limit < np.abs(drawn).max() <= limit
        assert drawn.std() == pytest.approx(deviation, rel=0.02)


def test_recurrent_kernel_is_one_orthogonal_frame() -> None:
    frame = INITIALIZERS["orthogonal"]((3, 3, 40, 160), np.random.default_rng(0)).reshape(360, 160)
    np.testing.assert_allclose(frame.T @ frame, np.eye(160), atol=1e-12)
    assert frame.var() == pytest.approx(1 / 360, rel=0.02)


def test_the_movies_leak_as_counted() -> None:
    """The example's data: the target is the next input frame without its noise."""
    expected = GOLDENS["data_baselines"]["expected"]
    x, y = engine.generate_movies(GOLDENS["data_baselines"]["inputs"]["n"], 15, seed=0)
    mean = float(y.mean())
    assert mean == pytest.approx(expected["target_mean"], abs=5e-5)
    assert y[:, 0].mean() == pytest.approx(expected["target_mean_frame0"], abs=5e-5)
    assert y[:, 14].mean() == pytest.approx(expected["target_mean_frame14"], abs=5e-5)
    constant = -(mean * np.log(mean) + (1 - mean) * np.log(1 - mean))
    assert constant == pytest.approx(expected["constant_predictor_bce"], abs=5e-5)
    seen = x > 0.5
    assert np.mean(seen[:, 1:] == y[:, :-1]) == expected["agreement_thresholded_x[t+1]_vs_y[t]"]
    assert np.mean(seen == y) == pytest.approx(expected["agreement_thresholded_x[t]_vs_y[t]"], abs=5e-5)
