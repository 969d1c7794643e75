"""The one way to compile: `@kernel`.

Compiled code is cached in a folder named after a hash of *all* of this package, because numba itself watches only
the file of the function that is called, not those of its callees. Where no folder can be written, kernels compile
anew in each process. Importing a kernel imports numba, which takes a third of a second: commands that compute
nothing must not import this package.
"""

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a plain loop over plain arrays when it is first called."""
    folder = _cache_folder()
    if folder is None:
        return cast(Callable[P, R], numba.njit(function))
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        return cast(Callable[P, R], numba.njit(function, cache=True))
    finally:
        config.CACHE_DIR = before


@cache
def _cache_folder() -> Path | None:
    """A writable folder that belongs to exactly these sources, or None."""
    bases = [os.environ.get("NUMBA_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME"), str(Path.home() / ".cache")]
    for base in filter(None, bases):
        folder = Path(base) / "hwsim-kernels" / _sources_hash()
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    return None


def _sources_hash() -> str:
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
