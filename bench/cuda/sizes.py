"""What is measured: the example's network and a larger one, and tiny ones of the same kinds for a rehearsal."""

from dataclasses import dataclass, replace

from bench.peers.work import Work

STEP, FORWARD, ROLLOUT, ROLLOUTS, LARGE = "train", "forward", "rollout", "rollouts", "large"


@dataclass(frozen=True)
class Row:
    """One piece of work, in words; what it is to reach stands in goals.py."""

    name: str
    label: str
    work: Work


@dataclass(frozen=True)
class Sizes:
    """All that depends on whether it is a rehearsal.

    Attributes:
        rows: the pieces of work.
        seconds: how long one of them is measured.
        copy_bytes: size of the copy that shows the memory's rate.
        matmul: sizes of the product that shows the arithmetic's rate.
        curve_steps, cpu_steps: steps of the loss curves on the device, and on the CPU beside them.
        movies: of those curves.
        train, train_settings: arguments of python -m engine.train, and lines of its configuration.
        train_precisions: in which it runs, the fastest first.
    """

    rows: tuple[Row, ...]
    seconds: float
    copy_bytes: int
    matmul: int
    curve_steps: int
    cpu_steps: int
    movies: int
    train: tuple[str, ...]
    train_settings: tuple[str, ...]
    train_precisions: tuple[str, ...]

    @property
    def step(self) -> Work:
        """The training step of the example's network."""
        return self.rows[0].work


def _rows(step: Work, large: Work, tracks: int) -> tuple[Row, ...]:
    rollout = replace(step, kind="rollout", batch=1, frames=min(7, step.frames))
    seen = f"{rollout.frames} + {rollout.n_new} frames"
    network = f"{len(step.filters)} x {step.filters[0]} filters, {step.height}x{step.width}"
    return (
        Row(STEP, f"training step, {network}, batch {step.batch}, {step.frames} frames", step),
        Row(FORWARD, f"forward, the same, batch {step.batch}", replace(step, kind="forward")),
        Row(ROLLOUT, f"streaming rollout of one track, {seen}", rollout),
        Row(ROLLOUTS, f"streaming rollout of {tracks} tracks, {seen}", replace(rollout, batch=tracks)),
        Row(
            LARGE,
            f"training step, {large.height}x{large.width}, {len(large.filters)} x {large.filters[0]} filters, "
            f"batch {large.batch}, {large.frames} frames",
            large,
        ),
    )


FULL = Sizes(
    rows=_rows(
        Work("train", filters=(40,) * 4, kernels=(3,) * 4, batch=10, frames=15, height=40, width=40),
        Work("train", filters=(64,) * 3, kernels=(3,) * 3, batch=8, frames=10, height=256, width=256),
        tracks=256,
    ),
    seconds=0.5,
    copy_bytes=1 << 32,
    matmul=8192,
    curve_steps=200,
    cpu_steps=10,
    movies=200,
    train=("--preset", "seed", "--epochs", "5", "--device", "cuda"),
    train_settings=(),
    train_precisions=("bfloat16", "tf32"),
)

REHEARSAL = Sizes(
    rows=_rows(
        Work("train", filters=(4, 5), kernels=(3, 3), batch=2, frames=4, height=10, width=9, n_new=3),
        Work("train", filters=(4, 5), kernels=(3, 3), batch=1, frames=3, height=13, width=11, n_new=3),
        tracks=3,
    ),
    seconds=0.001,
    copy_bytes=1 << 16,
    matmul=32,
    curve_steps=3,
    cpu_steps=2,
    movies=4,
    train=("--preset", "quick", "--epochs", "2", "--device", "cpu", "--samples", "6"),
    train_settings=("filters = [3]", "frames = 4", "batch_size = 2"),
    train_precisions=("float32",),
)


def sizes(rehearse: bool) -> Sizes:
    """The real ones, or those of a rehearsal."""
    return REHEARSAL if rehearse else FULL
