"""The network's public face: training, evaluation, weights, configuration, refusals."""

import numpy as np
import pytest

from engine import Adadelta, BatchNormalization, Conv3D, ConvLSTM2D, FitLoop, NonFiniteLossError, Sequential
from engine.losses import MeanSquaredError
from engine.runtime.objective import Objective
from kernels.reference import ReferenceBackend
from tests.engine.networks import movies, seed_like, targets


def test_fit_returns_a_history_with_a_value_for_each_epoch() -> None:
    x = movies(5)
    history = seed_like("reference").fit(x, targets(x), batch_size=2, epochs=3, validation_split=0.2, verbose=0)
    assert history.epoch == [0, 1, 2]
    assert [len(values) for values in history.history.values()] == [3, 3]
    assert set(history.history) == {"loss", "val_loss"}


def test_training_lowers_the_loss_of_one_movie() -> None:
    network = seed_like("cpu", "float32")
    x = movies(1)
    losses = network.fit(x, targets(x), batch_size=1, epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 0.8 * losses[0]


def test_epoch_loss_is_weighted_by_batch_size_and_taken_before_each_update() -> None:
    x = movies(5)
    y = targets(x)
    trained, by_hand = seed_like("reference"), seed_like("reference")
    history = trained.fit(x, y, batch_size=2, epochs=1, shuffle=False, verbose=0)
    losses = [by_hand.train_on_batch(x[rows], y[rows]) for rows in (slice(0, 2), slice(2, 4), slice(4, 5))]
    assert history.history["loss"][0] == pytest.approx(np.dot(losses, [2, 2, 1]) / 5, rel=1e-12)
    for one, other in zip(trained.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_validation_split_holds_out_the_last_rows() -> None:
    x = movies(5)
    y = targets(x)
    split, given = seed_like("reference"), seed_like("reference")
    by_split = split.fit(x, y, batch_size=2, epochs=2, validation_split=0.4, shuffle=False, verbose=0)
    by_data = given.fit(x[:3], y[:3], batch_size=2, epochs=2, validation_data=(x[3:], y[3:]), shuffle=False, verbose=0)
    assert by_split.history == by_data.history
    assert split.evaluate(x[3:], y[3:]) == pytest.approx(by_split.history["val_loss"][-1], rel=1e-12)


class Recorder:
    """Stands for a network and all in it: notes which movies each step was given."""

    stop_training = False
    objective = Objective((MeanSquaredError(),))

    def __init__(self) -> None:
        self.placement = self.computation = self
        self.backend = ReferenceBackend()
        self.steps: list[list[int]] = []

    def train_step(self, batch, values) -> None:
        self.steps.append(list(batch.rows))


def test_every_epoch_sees_every_movie_once_in_another_order() -> None:
    x = movies(7)
    recorder = Recorder()
    for _ in FitLoop.on_arrays(recorder, x, targets(x), batch_size=3, epochs=2, seed=4):
        pass
    assert [len(rows) for rows in recorder.steps] == [3, 3, 1] * 2
    first, second = np.concatenate(recorder.steps[:3]), np.concatenate(recorder.steps[3:])
    assert sorted(first) == sorted(second) == list(range(7))
    assert list(first) != list(second)


def test_the_loop_asks_for_a_compiled_network() -> None:
    network = Sequential([Conv3D(1, 3, padding="same", input_shape=(None, 7, 6, 1))], device="reference")
    with pytest.raises(ValueError, match=r"not built.*call build"):
        FitLoop.on_arrays(network, movies(2), targets(movies(2)), batch_size=2, epochs=1)
    network.build()
    with pytest.raises(ValueError, match="not compiled: call compile"):
        FitLoop.on_arrays(network, movies(2), targets(movies(2)), batch_size=2, epochs=1)


def test_the_same_seed_gives_the_same_training() -> None:
    x = movies(4)
    runs = []
    for _ in range(2):
        network = seed_like("cpu", "float32")
        network.fit(x, targets(x), batch_size=3, epochs=2, verbose=0)
        runs.append(network.get_weights())
    for one, other in zip(*runs, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("stop_after", [1, 2, 3, 5])
def test_a_loop_resumed_in_the_middle_ends_bit_for_bit_the_same(stop_after: int) -> None:
    x = movies(5)
    y = targets(x)

    def loop_of(network: Sequential) -> FitLoop:
        network.build(x.shape[1:])
        return FitLoop.on_arrays(network, x, y, batch_size=2, epochs=2, validation_data=(x[:1], y[:1]), seed=9)

    straight = seed_like("cpu", "float32")
    logs = [event.logs for event in loop_of(straight) if hasattr(event, "logs")]

    interrupted = seed_like("cpu", "float32")
    loop = loop_of(interrupted)
    events = iter(loop)
    for _ in range(stop_after):
        next(events)
    state, arrays = loop.state(), interrupted.state_arrays()

    resumed = seed_like("cpu", "float32", seed=77)
    rest = loop_of(resumed)
    resumed.load_state_arrays(arrays)
    rest.restore(state)
    resumed_logs = [event.logs for event in rest if hasattr(event, "logs")]
    assert resumed_logs == logs[-len(resumed_logs) :]
    for name, array in straight.state_arrays().items():
        np.testing.assert_array_equal(resumed.state_arrays()[name], array, err_msg=name)


def test_a_diverged_loss_names_its_step() -> None:
    network = seed_like("reference")
    x = movies(4)
    network.build(x.shape[1:])
    loop = iter(FitLoop.on_arrays(network, x, targets(x), batch_size=2, epochs=1, shuffle=False))
    next(loop)
    network.weights[0].assign(np.full(network.weights[0].shape, np.nan))
    with pytest.raises(NonFiniteLossError, match=r"step 2 \(epoch 1, batch 2 of 2\)"):
        _ = next(loop).loss


def test_float64_movies_train_a_float32_network() -> None:
    network = seed_like("cpu", "float32")
    x = movies()
    assert np.isfinite(network.train_on_batch(x, targets(x)))
    assert network.predict(x).dtype == np.float32


@pytest.mark.parametrize("device", ["reference", "cpu"])
def test_predict_is_the_same_in_any_batch_size(device: str) -> None:
    network = seed_like(device)
    x = movies(5)
    np.testing.assert_allclose(network.predict(x, batch_size=2), network.predict(x, batch_size=5), atol=1e-14)


def test_weights_come_and_go_in_keras_order() -> None:
    network = seed_like("reference")
    network.build((4, 7, 6, 1))
    assert [weight.name for weight in network.weights] == [
        "conv_lstm2d/kernel", "conv_lstm2d/recurrent_kernel", "conv_lstm2d/bias",
        "batch_normalization/gamma", "batch_normalization/beta",
        "batch_normalization/moving_mean", "batch_normalization/moving_variance",
        "conv_lstm2d_1/kernel", "conv_lstm2d_1/recurrent_kernel", "conv_lstm2d_1/bias",
        "batch_normalization_1/gamma", "batch_normalization_1/beta",
        "batch_normalization_1/moving_mean", "batch_normalization_1/moving_variance",
        "conv3d/kernel", "conv3d/bias",
    ]  # fmt: skip
    new = [np.random.default_rng(n).normal(size=w.shape) for n, w in enumerate(network.weights)]
    network.set_weights(new)
    for given, got in zip(new, network.get_weights(), strict=True):
        np.testing.assert_array_equal(got, given)


def test_initial_weights_follow_keras_rules() -> None:
    network = Sequential(device="reference", dtype="float64", seed=0)
    network.add(
        ConvLSTM2D(filters=40, kernel_size=3, padding="same", return_sequences=True, input_shape=(None, 40, 40, 1))
    )
    kernel, recurrent_kernel, bias = network.get_weights()
    assert 0.95 * 0.0643489 < np.abs(kernel).max() <= 0.0643489
    frame = recurrent_kernel.reshape(360, 160)
    np.testing.assert_allclose(frame.T @ frame, np.eye(160), atol=1e-12)
    np.testing.assert_array_equal(bias, np.repeat([0.0, 1.0, 0.0, 0.0], 40))


def test_the_example_has_its_number_of_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    network = Sequential(device="reference")
    for number in range(4):
        shape = {"input_shape": (None, 40, 40, 1)} if number == 0 else {}
        network.add(ConvLSTM2D(filters=40, kernel_size=(3, 3), padding="same", return_sequences=True, **shape))
        network.add(BatchNormalization())
    network.add(
        Conv3D(filters=1, kernel_size=(3, 3, 3), activation="sigmoid", padding="same", data_format="channels_last")
    )
    network.compile(loss="binary_crossentropy", optimizer="adadelta")
    network.summary()
    printed = capsys.readouterr().out
    assert "Total params: 407,001" in printed
    assert "Trainable params: 406,681" in printed
    assert "115,360" in printed
    assert printed.count("(None, None, 40, 40,") == 9


def test_a_network_is_rebuilt_from_its_configuration() -> None:
    network = seed_like("reference")
    x = movies()
    network.train_on_batch(x, targets(x))
    twin = Sequential.from_config(network.get_config(), device="reference")
    twin.set_weights(network.get_weights())
    np.testing.assert_array_equal(twin.predict(x), network.predict(x))
    assert twin.get_config() == network.get_config()


GOOD = movies()


@pytest.mark.parametrize(
    ("argument", "call"),
    [
        ("x: expected", lambda n: n.fit(GOOD[0], targets(GOOD))),
        ("x: expected", lambda n: n.predict(np.zeros((2, 0, 7, 6, 1)))),
        ("x: expected 1 channels, got 2", lambda n: n.predict(np.zeros((2, 3, 7, 6, 2)))),
        ("x: expected an array of numbers", lambda n: n.predict(np.full(GOOD.shape, "a"))),
        (r"x: expected finite numbers, got nan at index \[0, 0, 0, 0, 0\]", lambda n: n.predict(GOOD * np.nan)),
        ("y: expected shape", lambda n: n.fit(GOOD, targets(GOOD)[:2])),
        ("y: expected shape", lambda n: n.evaluate(GOOD, targets(GOOD)[:, :2])),
        ("y: expected finite", lambda n: n.train_on_batch(GOOD, np.full(GOOD.shape, np.inf))),
        ("batch_size: expected", lambda n: n.fit(GOOD, targets(GOOD), batch_size=0)),
        ("batch_size: expected", lambda n: n.predict(GOOD, batch_size=2.5)),
        ("epochs: expected", lambda n: n.fit(GOOD, targets(GOOD), epochs=-1)),
        ("validation_split: expected", lambda n: n.fit(GOOD, targets(GOOD), validation_split=1.5)),
        ("validation_split: 0.9 of 3 movies", lambda n: n.fit(GOOD, targets(GOOD), validation_split=0.9)),
        ("validation_data", lambda n: n.fit(GOOD, targets(GOOD), validation_data=(GOOD, GOOD[:1]))),
        ("weights: expected 16 arrays", lambda n: n.set_weights([])),
        ("weights: conv_lstm2d/kernel expects", lambda n: n.set_weights([np.zeros(1)] * 16)),
        ("optimizer: expected", lambda n: n.compile(loss="mse", optimizer="sgdd")),
        ("loss: expected", lambda n: n.compile(loss="crossentropy")),
        ("loss: expected", lambda n: n.compile()),
        ("layer: expected", lambda n: Sequential().add("ConvLSTM2D")),
        ("state", lambda n: n.load_state_arrays({})),
    ],
)  # fmt: skip
def test_bad_arguments_are_named(argument: str, call) -> None:
    network = seed_like("reference")
    network.build((None, None, None, 1))
    before = network.get_weights()
    with pytest.raises(ValueError, match=argument):
        call(network)
    for was, now in zip(before, network.get_weights(), strict=True):
        np.testing.assert_array_equal(now, was)


@pytest.mark.parametrize(
    ("argument", "build"),
    [
        ("filters: expected", lambda: ConvLSTM2D(0, 3, padding="same", return_sequences=True)),
        ("kernel_size: expected", lambda: ConvLSTM2D(4, (3, 3, 3), padding="same", return_sequences=True)),
        ("recurrent_activation", lambda: ConvLSTM2D(4, 3, recurrent_activation="softmax")),
        ("activation", lambda: Conv3D(1, 3, padding="same", activation="mish")),
        ("padding", lambda: Conv3D(1, 3, padding="full")),
        ("momentum", lambda: BatchNormalization(momentum=1.5)),
        ("kernel_initializer", lambda: Conv3D(1, 3, padding="same", kernel_initializer="he")),
        ("input_shape", lambda: BatchNormalization(input_shape=(1, 1, 40, 40, 1))),
        ("learning_rate", lambda: Adadelta(learning_rate=-1)),
        ("device: expected one of", lambda: Sequential(device="gpu")),
        ("device: expected one of", lambda: Sequential(device="cpu:1")),
        ("dtype", lambda: seed_like("cpu", "float16").get_weights()),
        ("precision", lambda: Sequential([BatchNormalization()], "cpu", precision="tf32").build((1, 2, 2, 1))),
        ("call compile", lambda: linear_head().fit(GOOD, targets(GOOD))),
        ("no layers", lambda: Sequential().predict(GOOD)),
        ("input_shape: give it", lambda: linear_head().get_weights()),
    ],
)  # fmt: skip
def test_bad_descriptions_are_named(argument: str, build) -> None:
    with pytest.raises(ValueError, match=argument):
        build()


def linear_head() -> Sequential:
    return Sequential([Conv3D(1, 3, padding="same")], device="reference")
