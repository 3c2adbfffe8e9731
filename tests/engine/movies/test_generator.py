"""generate_movies against the Keras example's own loops, draw for draw."""

import json
from pathlib import Path

import numpy as np
import pytest

from bench import movies as bench_movies
from bench.movies import example_movies
from engine.movies import generate_movies


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**32 - 1])
@pytest.mark.parametrize(("n_samples", "n_frames"), [(40, 15), (1, 1), (7, 2), (5, 37)])
def test_equals_the_example(n_samples: int, n_frames: int, seed: int) -> None:
    noisy, shifted = generate_movies(n_samples, n_frames, seed)
    expected_noisy, expected_shifted = example_movies(n_samples, n_frames, seed)
    for movies in (noisy, shifted):
        assert movies.shape == (n_samples, n_frames, 40, 40, 1)
        assert movies.dtype == np.float32
    np.testing.assert_allclose(noisy, expected_noisy.astype(np.float32), rtol=0, atol=1e-7)
    np.testing.assert_array_equal(shifted, expected_shifted)


def test_without_a_seed_it_draws_from_the_global_generator_as_the_example_does() -> None:
    np.random.seed(99)  # noqa: NPY002
    noisy, _ = generate_movies(3, 5)
    after_ours = np.random.randint(0, 2**31)  # noqa: NPY002
    np.testing.assert_array_equal(noisy, generate_movies(3, 5, seed=99)[0])

    stream = np.random.RandomState(99)
    for _ in range(3):
        for _ in range(stream.randint(3, 8)):
            for low, high in ((20, 60), (20, 60), (0, 3), (0, 3), (2, 4)):
                stream.randint(low, high)
            for _ in range(5):
                if stream.randint(0, 2):
                    stream.randint(0, 2)
    assert after_ours == stream.randint(0, 2**31)


def test_successive_unseeded_calls_differ() -> None:
    assert not np.array_equal(generate_movies(2, 3)[0], generate_movies(2, 3)[0])


def test_long_movies_clip_squares_at_the_edge_instead_of_wrapping_them() -> None:
    _, shifted = generate_movies(60, 120, seed=3)
    # A square that moves has left the window for good after 46 frames, so what is left stands still.
    np.testing.assert_array_equal(shifted[:, 60], shifted[:, 119])
    _, wrapped = example_movies(60, 120, seed=3)
    assert not np.array_equal(wrapped[:, 60], wrapped[:, 119])


def test_frames_at_the_edges_show_the_visible_part_of_a_square() -> None:
    noisy, shifted = generate_movies(200, 30, seed=8)
    expected_noisy, expected_shifted = example_movies(200, 30, seed=8)
    np.testing.assert_allclose(noisy, expected_noisy, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(shifted, expected_shifted)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"n_samples": 0}, "n_samples"),
        ({"n_samples": -3}, "n_samples"),
        ({"n_samples": 2.0}, "n_samples"),
        ({"n_samples": True}, "n_samples"),
        ({"n_frames": 0}, "n_frames"),
        ({"n_frames": "15"}, "n_frames"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**32}, "seed"),
        ({"seed": 1.5}, "seed"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        generate_movies(**arguments)  # type: ignore[arg-type]


def test_the_benchmark_shows_both_and_keeps_the_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench_movies.main(["--samples", "40", "--frames", "5", "--repeats", "2", "--results", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "engine.generate_movies" in output
    assert "the example's loops" in output
    results = json.loads((tmp_path / "movies.json").read_text())
    assert results["largest_difference"] < 1e-6
    assert results["times"]["engine.generate_movies"]["repeats"] == 2
