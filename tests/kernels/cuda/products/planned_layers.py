"""What tests of tile planners share: layers of any size, the example's, and what every tile over patches promises."""

from hypothesis import strategies as st

from kernels.cuda.products.patch_tiles import PATCH_WIDTH, PatchTile
from kernels.specs import ConvLSTMSpec

EXAMPLE = ConvLSTMSpec(T=15, B=10, H=40, W=40, C=40, F=40, kh=3, kw=3)
"""A layer of the example but for its first."""

ODD = st.sampled_from([1, 3, 5])


def layers(
    channels: st.SearchStrategy[int],
    filters: st.SearchStrategy[int],
    height: int,
    width: int,
    kh: st.SearchStrategy[int] = ODD,
    kw: st.SearchStrategy[int] = ODD,
) -> st.SearchStrategy[ConvLSTMSpec]:
    """Layers over up to 16 movies of 20 frames of height x width pixels."""
    return st.builds(
        ConvLSTMSpec,
        T=st.integers(1, 20),
        B=st.integers(1, 16),
        H=st.integers(1, height),
        W=st.integers(1, width),
        C=channels,
        F=filters,
        kh=kh,
        kw=kw,
    )


def check_slices(tile: PatchTile, spec: ConvLSTMSpec, blocks: int) -> int:
    """Patches cover all pixels, and slices all patches, in up to so many blocks; returns the number of slices."""
    images = spec.T * spec.B
    patches = tile.patches(images, spec.H, spec.W)
    assert patches * tile.patch_rows * PATCH_WIDTH >= images * spec.H * spec.W
    slices, per_slice = tile.slices(patches)
    assert (slices - 1) * per_slice < patches <= slices * per_slice
    rows, columns = tile.groups
    assert slices == 1 or slices * rows * columns <= blocks
    return slices
