"""Initializers: the first values of weights by Keras' rules, drawn from a NumPy generator.

The distributions are those of Keras; the random numbers are not (Keras draws them inside its own framework). A `seed`
makes an initializer draw from a generator of its own, the same at every call, as in Keras 3.
"""

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.keras_objects import KerasObject, get_object, names_of
from engine.support.missing_names import refuse_missing
from engine.support.validation import in_range, integer, one_of
from kernels.arrays import HostArray

_TRUNCATED_DEVIATION = 0.87962566103423978
"""Standard deviation of a unit normal cut off at 2."""

_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("uniform", "normal", "truncated_normal", "untruncated_normal")


@dataclass(frozen=True)
class Initializer(KerasObject):
    """An initializer, which draws the first values of a weight; call it with a shape and a generator."""

    def __post_init__(self) -> None:
        seed = getattr(self, "seed", None)
        if seed is not None:
            object.__setattr__(self, "seed", integer("seed", seed, 0))

    @abstractmethod
    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        """Draw an array of that shape, float64."""

    def _own(self, random: np.random.Generator) -> np.random.Generator:
        seed = getattr(self, "seed", None)
        return random if seed is None else np.random.default_rng(seed)


@dataclass(frozen=True)
class Zeros(Initializer):
    """Fill a weight with 0."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return np.zeros(shape)


@dataclass(frozen=True)
class Ones(Initializer):
    """Fill a weight with 1."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return np.ones(shape)


@dataclass(frozen=True)
class Constant(Initializer):
    """Fill a weight with `value`."""

    value: float = 0.0

    def __post_init__(self) -> None:
        in_range("value", self.value, -math.inf, math.inf)

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return np.full(shape, float(self.value))


@dataclass(frozen=True)
class RandomUniform(Initializer):
    """Draw uniformly between minval and maxval."""

    minval: float = -0.05
    maxval: float = 0.05
    seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("maxval", self.maxval, in_range("minval", self.minval, -math.inf, math.inf), math.inf)

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return self._own(random).uniform(self.minval, self.maxval, shape)


@dataclass(frozen=True)
class RandomNormal(Initializer):
    """Draw from a normal distribution of this mean and standard deviation."""

    mean: float = 0.0
    stddev: float = 0.05
    seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("mean", self.mean, -math.inf, math.inf)
        in_range("stddev", self.stddev, 0.0, math.inf)

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return self._own(random).normal(self.mean, self.stddev, shape)


@dataclass(frozen=True)
class TruncatedNormal(RandomNormal):
    """Draw from a normal distribution, again where a number is over two standard deviations from the mean."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return self.mean + self.stddev * _truncated_normal(shape, self._own(random))


@dataclass(frozen=True)
class VarianceScaling(Initializer):
    """Draw with variance scale / n; n is the fan_in, the fan_out or their mean (Glorot & Bengio 2010, He et al. 2015).

    A kernel's last axes are channels in and out; fan_out of a ConvLSTM kernel counts all four gates, as in Keras.
    distribution: "uniform", "truncated_normal" ("normal" means the same) or "untruncated_normal".
    """

    scale: float = 1.0
    mode: str = "fan_in"
    distribution: str = "truncated_normal"
    seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("scale", self.scale, 0.0, math.inf)
        one_of("mode", self.mode, _MODES)
        one_of("distribution", self.distribution, _DISTRIBUTIONS)

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return _variance_scaling(shape, self._own(random), self.scale, self.mode, self.distribution)


@dataclass(frozen=True)
class _NamedScaling(Initializer):
    seed: int | None = None

    def _draw(
        self, shape: tuple[int, ...], random: np.random.Generator, scale: float, mode: str, kind: str
    ) -> HostArray:
        return _variance_scaling(shape, self._own(random), scale, mode, kind)


@dataclass(frozen=True)
class GlorotUniform(_NamedScaling):
    """Draw uniformly from [-L, L], L = sqrt(6 / (fan_in + fan_out)) (Glorot & Bengio 2010)."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return self._draw(shape, random, 1.0, "fan_avg", "uniform")


@dataclass(frozen=True)
class GlorotNormal(_NamedScaling):
    """Draw from a truncated normal of variance 2 / (fan_in + fan_out) (Glorot & Bengio 2010)."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return self._draw(shape, random, 1.0, "fan_avg", "truncated_normal")


@dataclass(frozen=True)
class HeUniform(_NamedScaling):
    """Draw uniformly from [-L, L], L = sqrt(6 / fan_in) (He et al. 2015)."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return self._draw(shape, random, 2.0, "fan_in", "uniform")


@dataclass(frozen=True)
class HeNormal(_NamedScaling):
    """Draw from a truncated normal of variance 2 / fan_in (He et al. 2015)."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return self._draw(shape, random, 2.0, "fan_in", "truncated_normal")


@dataclass(frozen=True)
class LecunUniform(_NamedScaling):
    """Draw uniformly from [-L, L], L = sqrt(3 / fan_in) (LeCun et al. 1998)."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return self._draw(shape, random, 1.0, "fan_in", "uniform")


@dataclass(frozen=True)
class LecunNormal(_NamedScaling):
    """Draw from a truncated normal of variance 1 / fan_in (LeCun et al. 1998)."""

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        return self._draw(shape, random, 1.0, "fan_in", "truncated_normal")


@dataclass(frozen=True)
class Orthogonal(Initializer):
    """Draw an orthogonal matrix (prod(shape[:-1]), shape[-1]) (Saxe et al. 2014), times gain.

    For a recurrent kernel (kh,kw,F,4F) the matrix is one across all taps and gates, as in Keras.
    """

    gain: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        in_range("gain", self.gain, -math.inf, math.inf)

    def __call__(self, shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
        if len(shape) < 2:
            raise ValueError(f"orthogonal: expected a weight of at least 2 axes, got shape {shape}; use another for it")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        gaussian = self._own(random).standard_normal((max(rows, columns), min(rows, columns)))
        frame, triangle = np.linalg.qr(gaussian)
        frame *= np.sign(np.diagonal(triangle))  # makes the distribution uniform over orthogonal frames
        return self.gain * (frame if rows >= columns else frame.T).reshape(shape)


def _fans(shape: tuple[int, ...]) -> tuple[float, float]:
    if len(shape) < 2:
        return float(shape[0]), float(shape[0])
    receptive = math.prod(shape[:-2])
    return float(receptive * shape[-2]), float(receptive * shape[-1])


def _truncated_normal(shape: tuple[int, ...], random: np.random.Generator) -> HostArray:
    drawn = random.standard_normal(shape)
    while (outside := np.abs(drawn) > 2.0).any():
        drawn[outside] = random.standard_normal(np.count_nonzero(outside))
    return drawn


def _variance_scaling(
    shape: tuple[int, ...], random: np.random.Generator, scale: float, mode: str, distribution: str
) -> HostArray:
    fan_in, fan_out = _fans(shape)
    variance = scale / max(1.0, {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2.0}[mode])
    if distribution == "uniform":
        limit = math.sqrt(3.0 * variance)
        return random.uniform(-limit, limit, shape)
    if distribution == "untruncated_normal":
        return random.normal(0.0, math.sqrt(variance), shape)
    return math.sqrt(variance) / _TRUNCATED_DEVIATION * _truncated_normal(shape, random)


_CLASSES = (
    Zeros, Ones, Constant, RandomUniform, RandomNormal, TruncatedNormal, VarianceScaling, GlorotUniform, GlorotNormal,
    HeUniform, HeNormal, LecunUniform, LecunNormal, Orthogonal,
)  # fmt: skip
_MAKERS = names_of({kind.__name__: kind for kind in _CLASSES})

INITIALIZERS: dict[str, Initializer] = {name: kind() for name, kind in _MAKERS.items() if name.islower()}
"""The initializers by Keras' names, each with its default arguments."""


_SHORT_NAMES = {"uniform": "random_uniform", "normal": "random_normal", "zero": "zeros", "one": "ones"}
"""Keras' other names."""


def get_initializer(argument: str, value: Any) -> Initializer:
    """Return the initializer that an object, a name or a config stands for; `argument` is the layer argument."""
    if value in ("identity", "Identity") or (isinstance(value, dict) and value.get("class_name") == "Identity"):
        raise ValueError(f"{argument}: identity is for matrices only, in Keras too; use 'orthogonal'")
    if isinstance(value, str):
        value = _SHORT_NAMES.get(value, value)
    initializer: Initializer = get_object(argument, value, Initializer, _MAKERS)
    return initializer


if not TYPE_CHECKING:  # for which a module with __getattr__ has every name
    __getattr__ = refuse_missing(globals())
