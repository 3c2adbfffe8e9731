"""The pictures of a run: the example's animation frames, the rollout as one GIF, and the losses.

Text lies on the movie itself, as in the example; the example's colours cannot be read there (black on dark violet,
white on yellow), so every letter gets a dark edge.
"""

import io
import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator
from PIL import Image

from engine.files.atomic import write_atomically
from kernels.arrays import HostArray

INITIAL, PREDICTED, TRUTH = "Initial trajectory", "Predictions !", "Ground truth"
_EDGE = [withStroke(linewidth=3, foreground="black")]


def animation_images(track: HostArray, truth: HostArray, seen: int) -> list[Image.Image]:
    """One picture a frame, drawn as the example draws its `%i_animate.png`.

    Args:
        track: (T,H,W,C), the `seen` frames that started the rollout and then the predicted ones.
        truth: (T',H,W,C), T' at most T: what there was to see, on the right; T' pictures are drawn.
        seen: the first frames of track, labelled 'Initial trajectory'; the others are 'Predictions !'.
    """
    labels = [PREDICTED if t >= seen else INITIAL for t in range(len(truth))]
    return _film([(track, labels), (truth, [TRUTH] * len(truth))], _brightest(truth))


def rollout_images(track: HostArray, seen: int) -> list[Image.Image]:
    """Draw a rollout without ground truth: one panel a frame."""
    labels = [PREDICTED if t >= seen else INITIAL for t in range(len(track))]
    return _film([(track, labels)], _brightest(track[:seen]))


def save_animation_frames(folder: Path, images: list[Image.Image]) -> None:
    """Write 1_animate.png, 2_animate.png, ... into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images, start=1):
        write_atomically(folder / f"{number}_animate.png", _encoded(image, "PNG"))


def save_gif(path: str | Path, images: list[Image.Image], frame_milliseconds: int = 250) -> None:
    """Write an endless GIF; its last frame stands four times as long."""
    # One palette for all frames, out of all of them: a palette each would make still pixels flicker, and one frame's
    # lacks the colours of the others.
    sheet = Image.new("RGB", (images[0].width, sum(image.height for image in images)))
    for number, image in enumerate(images):
        sheet.paste(image, (0, number * image.height))
    palette = sheet.quantize(256)
    frames = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [frame_milliseconds] * (len(frames) - 1) + [4 * frame_milliseconds]
    write_atomically(
        path, _encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    )


def save_loss_plot(path: str | Path, history: list[dict[str, float]]) -> None:
    """Draw loss and val_loss over the epochs, on a logarithmic axis; history is one dict an epoch, with "epoch"."""
    figure = Figure(figsize=(7, 4.5), dpi=120, layout="tight")
    axes = figure.add_subplot(111)
    epochs = [row["epoch"] for row in history]
    for name, label in (("loss", "training"), ("val_loss", "validation")):
        values = [row.get(name, math.nan) for row in history]
        if not all(math.isnan(value) for value in values):
            axes.plot(epochs, values, marker="o" if len(epochs) < 40 else "", markersize=4, label=label)
    axes.set(xlabel="epoch", ylabel="loss", yscale="log", title="Loss over all output frames")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3, which="both")
    axes.legend()
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    write_atomically(path, _encoded(_drawn(canvas), "PNG"))


def _brightest(movie: HostArray) -> float:
    """What is drawn brightest: the brightest real pixel, so that faint movies are seen, and 1 in the example's."""
    return float(movie.max()) if movie.max() > 0 else 1.0


def _film(panels: list[tuple[HostArray, list[str]]], white: float) -> list[Image.Image]:
    """A picture for each label: panels side by side, each a movie (T,H,W,C) with its labels."""
    figure = Figure(figsize=(5 * len(panels), 5), layout="tight")
    canvas = FigureCanvasAgg(figure)
    shown = [
        _panel(figure.add_subplot(1, len(panels), place), movie[0], labels[0], white)
        for place, (movie, labels) in enumerate(panels, start=1)
    ]
    # Where the panels stand is the same for all frames, and takes longer to find out than a frame to draw.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    images = []
    for t in range(len(panels[0][1])):
        for (movie, labels), (picture, text) in zip(panels, shown, strict=True):
            picture.set_data(_pixels(movie[t]))
            text.set_text(labels[t])
        canvas.draw()
        images.append(_drawn(canvas))
    return images


def _panel(axes: Axes, frame: HostArray, label: str, white: float) -> tuple[AxesImage, Text]:
    """frame (H,W,C): three channels are shown as colours, 0 to 1, else the first one in viridis, 0 to `white`."""
    picture = axes.imshow(_pixels(frame), vmin=0, vmax=white, cmap="viridis")
    height, width = frame.shape[:2]
    return picture, axes.text(width / 40, 3 * height / 40, label, fontsize=20, color="white", path_effects=_EDGE)


def _pixels(frame: HostArray) -> HostArray:
    return np.clip(frame, 0, 1) if frame.shape[-1] == 3 else frame[..., 0]


def _drawn(canvas: FigureCanvasAgg) -> Image.Image:
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()
