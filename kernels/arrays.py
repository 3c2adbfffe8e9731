"""Types of arrays, for all of kernels/ and engine/.

A back end's arrays are NumPy's on the host and CuPy's on a device. `Array` says what both have and the code above the
back ends uses; only a back end itself computes with arrays of its own, so arithmetic is not in it. The classes of
kernels/backend.py and kernels/operations/ are generic in `ArrayT`, so that a back end on the host is checked as code
on `HostArray`, with all that NumPy has. Callers that serve every back end write `Backend`, without a type of array, and
`Array` for what they hold.
"""

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import numpy as np

HostArray = np.ndarray[Any, Any]
"""A NumPy array."""


class Array(Protocol):
    """An array of some back end: numpy.ndarray or cupy.ndarray.

    Views are typed Any, since what comes back from an index may be an array or a number.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of the axes."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the elements."""

    @property
    def ndim(self) -> int:
        """Number of axes."""

    @property
    def size(self) -> int:
        """Number of elements."""

    @property
    def nbytes(self) -> int:
        """Memory that the elements take."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[Any]: ...

    def __getitem__(self, key: Any, /) -> Any: ...

    def __setitem__(self, key: Any, value: Any, /) -> None: ...

    def reshape(self, shape: Any, /) -> Any:
        """View the same elements in another shape, one size or a tuple of sizes."""


ArrayT = TypeVar("ArrayT", bound=Array)
"""The arrays of one back end."""

ArrayT_contra = TypeVar("ArrayT_contra", bound=Array, contravariant=True)
"""ArrayT for protocols whose methods take arrays and return none."""
