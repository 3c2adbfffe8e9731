"""Hold backpropagation through time against numeric derivatives, weight by weight.

The loss along a direction d in the space of one weight array, f(e) = loss(w + e d), has the derivative <gradient, d>.
Central differences in float64 know it to about 1e-9; a backward pass with a mistake in it misses by far more.

    python examples/gradient_check.py --frames 6
"""

import argparse

import numpy as np

from engine import BatchNormalization, Conv3D, ConvLSTM2D, Sequential


def numeric_derivative(network: Sequential, x: np.ndarray, y: np.ndarray, number: int, d: np.ndarray) -> float:
    """(loss(w + e d) - loss(w - e d)) / 2e for weight array `number`; the weights are put back."""
    e, before = 1e-5, network.get_weights()
    losses = []
    for sign in (1, -1):
        moved = [w + sign * e * d if i == number else w for i, w in enumerate(before)]
        network.set_weights(moved)
        losses.append(network.loss_and_gradients(x, y)[0])
    network.set_weights(before)
    return float((losses[0] - losses[1]) / (2 * e))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=4, help="time steps to backpropagate through (default 4)")
    parser.add_argument("--device", default="reference", help="'reference' (NumPy, default) or 'cpu' (SIMD kernels)")
    arguments = parser.parse_args()

    random = np.random.default_rng(0)
    x, y = random.random((2, arguments.frames, 5, 4, 3)), random.random((2, arguments.frames, 5, 4, 2))
    # 'tanh' and 'sigmoid' are smooth; hard_sigmoid has kinks, beside which a difference is no derivative.
    network = Sequential(device=arguments.device, dtype="float64", seed=0)
    network.add(ConvLSTM2D(3, 3, padding="same", return_sequences=True, recurrent_activation="sigmoid"))
    network.add(BatchNormalization())
    network.add(Conv3D(2, (1, 3, 3), padding="same", activation="sigmoid"))
    network.compile(loss="binary_crossentropy", optimizer="sgd")
    network.build((arguments.frames, 5, 4, 3))

    _, gradients = network.loss_and_gradients(x, y)
    numbers = {weight.name: number for number, weight in enumerate(network.weights)}
    worst = 0.0
    for name, gradient in gradients.items():
        d = random.standard_normal(gradient.shape)
        expected, actual = numeric_derivative(network, x, y, numbers[name], d), float(np.vdot(gradient, d))
        error = abs(actual - expected) / max(abs(expected), 1e-12)
        worst = max(worst, error)
        print(f"{name:34} backward {actual: .9f}   numeric {expected: .9f}   relative difference {error:.1e}")
    print(f"largest relative difference: {worst:.1e}")


if __name__ == "__main__":
    main()
