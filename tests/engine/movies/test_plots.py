"""The pictures: how many, how large, and whether the letters can be read on any colour."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.movies.plots import animation_images, rollout_images, save_animation_frames, save_gif, save_loss_plot


def pictures(value: float, channels: int = 1, seen: int = 2, frames: int = 3) -> list[Image.Image]:
    movie = np.full((frames, 12, 20, channels), value, np.float32)
    return animation_images(movie, movie, seen)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_labels_are_white_with_a_dark_edge_on_any_colour(value: float) -> None:
    picture = np.asarray(pictures(value)[0]).astype(int)
    left = picture[:, : picture.shape[1] // 2]
    background = left[left.shape[0] // 2, left.shape[1] // 2]
    rows, columns = np.nonzero((left == background).all(axis=2))
    panel = left[rows.min() : rows.max(), columns.min() : columns.max()].reshape(-1, 3)
    assert (panel.min(axis=1) > 250).sum() > 300
    assert (panel.max(axis=1) < 5).sum() > 300


def test_labels_say_what_is_seen_and_what_is_predicted() -> None:
    first, second, third = (np.asarray(image) for image in pictures(0.3))
    np.testing.assert_array_equal(first, second)
    half = first.shape[1] // 2
    assert not np.array_equal(second[:, :half], third[:, :half])
    np.testing.assert_array_equal(second[:, half:], third[:, half:])


@pytest.mark.parametrize("brightest", [0.02, 1.0, 30.0])
def test_pixels_keep_their_colour_from_frame_to_frame(brightest: float) -> None:
    """One scale for a movie, up to its brightest real pixel: a dark frame is dark, not stretched to its own maximum as
    in the example, a faint movie is seen, and what is predicted has the colours of the truth."""
    truth = np.full((2, 12, 20, 1), brightest, np.float32)
    truth[0] *= 0.1
    for first, last in (animation_images(truth[::-1], truth, 1), rollout_images(truth, 2)):
        dark, light = (sum(image.getpixel((image.width // 4, image.height // 2))) for image in (first, last))
        assert abs(dark - light) > 100
    predicted = animation_images(truth[::-1], truth, 1)
    left, right = predicted[0].width // 4, 3 * predicted[0].width // 4
    middle = predicted[0].height // 2
    assert predicted[0].getpixel((left, middle)) == predicted[1].getpixel((right, middle))


def test_black_movies_are_drawn() -> None:
    black, light = pictures(0.0)[0], pictures(1.0)[0]
    middle = (black.width // 4, black.height // 2)
    assert sum(black.getpixel(middle)) < sum(light.getpixel(middle)) - 100


def test_three_channels_are_colours() -> None:
    movie = np.zeros((1, 6, 6, 3), np.float32)
    movie[..., 0] = 2.0
    picture = animation_images(movie, movie, 1)[0]
    assert picture.getpixel((picture.width // 4, picture.height // 2)) == (255, 0, 0)


def test_files(tmp_path: Path) -> None:
    images = pictures(0.4, frames=4)
    save_animation_frames(tmp_path / "frames", images)
    names = sorted(path.name for path in (tmp_path / "frames").iterdir())
    assert names == ["1_animate.png", "2_animate.png", "3_animate.png", "4_animate.png"]
    with Image.open(tmp_path / "frames" / "1_animate.png") as picture:
        assert picture.size == (1000, 500)


def test_gif(tmp_path: Path) -> None:
    movie = np.zeros((5, 10, 10, 1), np.float32)
    for t in range(5):
        movie[t, 4:6, t : t + 2] = 1
    save_gif(tmp_path / "a.gif", rollout_images(movie, seen=3))
    with Image.open(tmp_path / "a.gif") as gif:
        assert gif.n_frames == 5
        assert gif.info["loop"] == 0


def test_colours_of_the_gif_are_those_of_every_frame(tmp_path: Path) -> None:
    """A palette of the middle frame alone made grey of the last one's yellow."""
    movie = np.zeros((7, 30, 30, 1), np.float32)
    movie += np.linspace(0, 1, 7, dtype=np.float32).reshape(7, 1, 1, 1) ** 3
    images = rollout_images(movie, seen=7)
    save_gif(tmp_path / "a.gif", images)
    with Image.open(tmp_path / "a.gif") as gif:
        for number, image in enumerate(images):
            gif.seek(number)
            middle = image.width // 2, image.height // 2
            found = np.array(gif.convert("RGB").getpixel(middle))
            assert np.abs(found - np.array(image.getpixel(middle))).max() < 12


@pytest.mark.parametrize(
    "history", [[{"epoch": 1, "loss": 0.5}], [{"epoch": e, "loss": 1 / e, "val_loss": 2 / e} for e in range(1, 60)]]
)
def test_loss_plot(tmp_path: Path, history: list[dict[str, float]]) -> None:
    save_loss_plot(tmp_path / "loss.png", history)
    with Image.open(tmp_path / "loss.png") as picture:
        assert picture.width > 600
