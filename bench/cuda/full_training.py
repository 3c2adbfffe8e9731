"""Part (f), only when it is asked for: the example's whole training, 300 epochs, as a user starts it."""

from bench.cuda.part import Part
from bench.cuda.sizes import sizes
from bench.cuda.training import train

EPOCHS = "300"


def main() -> None:
    """The fastest precision first, as long as there is time."""
    part = Part.from_command_line()
    chosen = sizes(part.rehearse)
    arguments = chosen.train if part.rehearse else (*chosen.train, "--epochs", EPOCHS)
    for precision in reversed(chosen.train_precisions):
        train(part, precision, arguments, chosen.train_settings, part.left - 2.0)


if __name__ == "__main__":
    main()
