"""Reading an array that a user named: one .npy file, without anything in it that could run."""

import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from hwsim.errors import FileProblem
from hwsim.inputs.files import regular_size

LARGEST = 1 << 32


def read_array(name: str) -> NDArray[np.generic]:
    """The array in a file of numpy's own format."""
    path = Path(name)
    try:
        size = regular_size(path, name)
        with path.open("rb") as file:
            shape, kind = _header(file)
            elements = math.prod(shape)
            if kind.hasobject:
                raise ValueError("it holds Python objects, which are not read")
            data_bytes = size - file.tell()
            if elements * kind.itemsize != data_bytes:
                raise ValueError(f"its header promises {elements * kind.itemsize} bytes, it has {data_bytes}")
            if size > LARGEST:
                raise ValueError(f"it has {size} bytes; at most {LARGEST} are read")
            file.seek(0)
            return np.asarray(npy.read_array(file, allow_pickle=False))
    except FileProblem:
        raise
    except OSError as error:
        raise FileProblem(name, f"cannot be read: {error.strerror or error}") from error
    except Exception as error:  # numpy's parser of headers lets many kinds through
        reason = str(error) if isinstance(error, ValueError) else "its header is damaged"
        raise FileProblem(name, f"is not an array in numpy's format (.npy): {reason}") from error


def _header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, kind = read(file)
    return shape, kind
