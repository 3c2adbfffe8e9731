"""The network that a configuration describes."""

from engine.files.checkpoint import Checkpoint
from engine.layers import BatchNormalization, Conv3D, ConvLSTM2D
from engine.models.loading import load_model, network_from_config
from engine.models.sequential import Sequential
from engine.models.trained_network import TrainedNetwork
from engine.train.choices import make_loss, make_metric, make_optimizer
from engine.train.config import TrainConfig


def make_network(
    config: TrainConfig, movie_shape: tuple[int, ...], checkpoint: Checkpoint | None = None
) -> TrainedNetwork:
    """Build and compile the network for movies (T,H,W,C); it takes any other T, H, W too.

    ConvLSTM2D and BatchNormalization for each of `filters`, then a Conv3D with a sigmoid: the example's stack. With
    `init`, architecture and weights are those of that file; with a checkpoint too, the architecture is the
    checkpoint's, for the file may be gone by now. Raises ValueError: settings that make no network, a file that is
    refused, a model for other movies, a device that is not there.
    """
    if config.init is None:
        network: TrainedNetwork = _stack(config, movie_shape[-1])
    elif checkpoint is None:
        network = load_model(config.init, device=config.device, dtype=config.dtype, precision=config.precision)
        _check_fits(network, config.init, movie_shape)
    else:
        network = network_from_config(
            "the checkpoint of this run", checkpoint.config, config.device, config.dtype, config.precision
        )
    network.compile(
        optimizer=make_optimizer(config.optimizer),
        loss=make_loss(config.loss),
        metrics=[make_metric(table) for table in config.metrics],
    )
    network.build()
    return network


def _stack(config: TrainConfig, channels: int) -> Sequential:
    network = Sequential(
        device=config.device, dtype=config.dtype, precision=config.precision, seed=config.seed, name=config.preset
    )
    for number, filters in enumerate(config.filters):
        network.add(
            ConvLSTM2D(
                filters=filters,
                kernel_size=config.kernel_size,
                padding="same",
                return_sequences=True,
                recurrent_activation=config.recurrent_activation,
                input_shape=(None, None, None, channels) if number == 0 else None,
            )
        )
        network.add(BatchNormalization(momentum=config.batch_norm_momentum))
    network.add(
        Conv3D(filters=channels, kernel_size=config.head_kernel_size, padding=config.head_padding, activation="sigmoid")
    )
    return network


def _check_fits(network: TrainedNetwork, path: str, movie_shape: tuple[int, ...]) -> None:
    expected = network.input_shape or (None, None, None, None)
    if any(size not in (None, got) for size, got in zip(expected, movie_shape, strict=True)):
        raise ValueError(f"init: {path} is for movies {expected} (frames, height, width, channels), got {movie_shape}")
    made = network.output_shape(movie_shape)
    if made != movie_shape:
        raise ValueError(
            f"init: {path} makes movies of shape {made} from {movie_shape}; a run predicts the next frames"
        )
