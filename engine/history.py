"""What fit returns, and how it shows itself while it runs."""

from dataclasses import dataclass, field

from engine.fit import EpochDone, FitLoop, StepDone
from engine.progress import Progress


@dataclass
class History:
    """The record of one fit.

    Attributes:
        epoch: the epochs that were run, from 0.
        history: by name ("loss", "val_loss"), one number an epoch.
    """

    epoch: list[int] = field(default_factory=list)
    history: dict[str, list[float]] = field(default_factory=dict)

    def add(self, done: EpochDone) -> None:
        """Take in an epoch's logs."""
        self.epoch.append(done.epoch)
        for name, value in done.logs.items():
            self.history.setdefault(name, []).append(value)


def fit_with_progress(loop: FitLoop, movies: int, epochs: int, show: bool) -> History:
    """Run the loop to its end; show a bar an epoch (plain lines where the output is no terminal) unless told not to."""
    history = History()
    with Progress(movies, epochs, show) as progress:
        for event in loop:
            if isinstance(event, StepDone):
                progress.step(event)
            else:
                history.add(event)
                progress.epoch(event)
    return history
