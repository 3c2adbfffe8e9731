"""Part (f): the example's whole training, 300 epochs, as a user starts it."""

from bench.cuda.part import Part
from bench.cuda.sizes import sizes
from bench.cuda.training import train

EPOCHS = "300"


def main() -> None:
    """The fastest precision first; another one only if it can take as long."""
    part = Part.from_command_line()
    chosen = sizes(part.rehearse)
    arguments = chosen.train if part.rehearse else (*chosen.train, "--epochs", EPOCHS)
    longest = 0.0
    for precision in chosen.train_precisions:
        began = part.left
        if began < 2.0 * longest:
            break
        train(part, precision, arguments, chosen.train_settings, began)
        longest = began - part.left


if __name__ == "__main__":
    main()
