"""CIFAR-5M's npz parts as sequences of gray pixels: 1,024 tokens an image, in raster order."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, ClassVar, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ....common import InputError
from .source_task import SourceTask

__all__ = ["Cifar5mTask", "gray"]

SIDE = 32
MEMBER = "X.npy"
IMAGES_AT_A_TIME = 4096


@dataclass(frozen=True, kw_only=True)
class Cifar5mTask(SourceTask):
    """Predict the next pixel of generated CIFAR images, in the order of the parts.

    A token is `floor((R + G + B) / 3)`; a context of 1,024 is one image. The parts are read image by image (they may
    be larger than memory) into one file of a third of their size.

    Parameters
    ----------
    files
        `.npz` parts, in order, each with an array `X` of uint8, shape (N, 32, 32, 3).
    cache
        Folder of the token file; default the user's cache folder.

    Examples
    --------
    >>> gray(np.array([[[[10, 20, 32]]]], dtype=np.uint8)).item()
    20
    """

    kind: ClassVar[str] = "cifar5m"
    wants: ClassVar[str] = "parts with images"

    context: int = SIDE * SIDE
    test_examples: int = 2_000
    last_target: Literal["next", "zero"] = "zero"

    @property
    def vocabulary(self) -> int:
        """256 shades."""
        return 256

    def read(self, paths: Sequence[Path], counts: dict[str, int]) -> Iterator[bytes]:
        """All images, one after the other."""
        counts["images"] = 0
        for path in paths:
            for images in _images(path):
                counts["images"] += len(images)
                yield gray(images).tobytes()


def gray(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Floor of the mean of the last axis (red, green, blue), uint8."""
    return (images.sum(axis=-1, dtype=np.uint16) // 3).astype(np.uint8)


def _images(path: Path) -> Iterator[NDArray[np.uint8]]:
    """The images of one part, some thousand at a time, never the whole part in memory."""
    try:
        with zipfile.ZipFile(path) as part, part.open(MEMBER) as file:
            shape, fortran, dtype = _header(file)
            if len(shape) != 4 or shape[1:] != (SIDE, SIDE, 3) or dtype != np.uint8 or fortran:
                raise InputError(
                    f"Cifar5mTask needs X as uint8 of shape (N, 32, 32, 3) in C order; got {dtype} {shape} in "
                    f"{path.name}. Check `files`."
                )
            size = SIDE * SIDE * 3
            for first in range(0, shape[0], IMAGES_AT_A_TIME):
                images = min(IMAGES_AT_A_TIME, shape[0] - first)
                content = file.read(images * size)
                if len(content) != images * size:
                    raise zipfile.BadZipFile("the array X ends too early")
                yield np.frombuffer(content, np.uint8).reshape(images, SIDE, SIDE, 3)
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError) as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).strip("'\"").rstrip(".")
        raise InputError(
            f"Cifar5mTask cannot read {path}: {reason}. The part is damaged or of another kind; fetch it again."
        ) from None


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = npy.read_magic(file)
    return npy.read_array_header_1_0(file) if version == (1, 0) else npy.read_array_header_2_0(file)
