"""The one way to compile: `@kernel`.

Kernels run without the interpreter's lock, so that a progress bar moves and Ctrl-C is heard meanwhile. Compiled code is
cached in a folder named after a hash of the kernel's file and of *all* files of this package that it imports, because
numba itself watches only the file of the function that is called, not those of its callees, and of whether bounds are
checked, which it does not watch at all.
Where no folder can be written, or the cache is damaged, kernels compile anew. Importing a kernel imports numba, which
takes a third of a second: commands that compute nothing must not import this package.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core.caching import FunctionCache
from numba.core.runtime.nrt import rtsys

from hwsim.kernels.parts import Whole

P = ParamSpec("P")
R = TypeVar("R")

_LEAN: Any = {"nogil": True, "_nrt": False, "error_model": "numpy"}
"""Without numba's runtime (NRT), which makes arrays and counts their references; division by zero is not looked for."""


compiling = Event()
"""Set as soon as a kernel is compiled because no cache has it, so that whoever shows progress can say why it takes so
long."""


class _Cache(FunctionCache):
    """A cache in which nothing is found where nothing can be read, and nothing kept where nothing can be written."""

    runtime = True
    """Whether the kernel needs numba's runtime."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        found = None
        with suppress(Exception):
            # Numba would first load all that it can compile with, and scipy, which takes longer than a run's plan;
            # what is compiled already needs the runtime at most, and the compiler loads the rest itself.
            if self.runtime:
                rtsys.initialize(target_context)
            found = self._load_overload(sig, target_context)
        if found is None:
            compiling.set()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(Exception):
            super().save_overload(sig, data)


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a plain loop over plain arrays when it is first called."""
    return _compiled(function, {"nogil": True}, lambda: _cache_of(function, runtime=True))


def lean(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel of many small steps, which makes no arrays.

    Counting the references of every array that a function is given costs more than the few operations of a small step.
    """
    return _compiled(function, _LEAN, lambda: _cache_of(function, runtime=False))


def _compiled(
    function: Callable[P, R], options: dict[str, Any], cached: Callable[[], _Cache | None] | None = None
) -> Callable[P, R]:
    """A function that compiles; itself, where numba shall not compile."""
    config: Any = numba.config
    return function if config.DISABLE_JIT else cast(Callable[P, R], Whole(function, options, cached))


def _cache_of(function: Callable[P, R], *, runtime: bool) -> _Cache | None:
    """Where the compiled function is kept; None, if there is no such place."""
    folder = _cache_folder(Path(function.__code__.co_filename))
    if folder is None:
        return None
    config: Any = numba.config
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder)
    try:
        cache = _Cache(function)
    except RuntimeError:  # a function without a file
        return None
    finally:
        config.CACHE_DIR = before
    cache.runtime = runtime
    return cache


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """A part of a lean kernel, compiled into whoever calls it."""
    return _compiled(function, {**_LEAN, "forceinline": True})


def contracted(function: Callable[P, R]) -> Callable[P, R]:
    """The same, in which a product and the sum that takes it may be rounded once, where the processor does so: for
    numbers whose last bit decides nothing."""
    return _compiled(function, {**_LEAN, "forceinline": True, "fastmath": {"contract"}})


@cache
def _cache_folder(source: Path) -> Path | None:
    """A writable folder that belongs to exactly this file and all that it imports of this package, or None; none for
    what was made from no file."""
    if not source.is_file():
        return None
    for base in _bases():
        folder = base / "hwsim-kernels" / sources_hash(source)
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    return None


def _bases() -> Iterator[Path]:
    for variable in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME"):
        if os.environ.get(variable):
            yield Path(os.environ[variable])
    with suppress(RuntimeError):  # a user without a home
        yield Path.home() / ".cache"


_IMPORTS = re.compile(r"^\s*from hwsim\.kernels(?:\.(\w+) import|\s+import ([^(\n]+|\([^)]*\)))", re.MULTILINE)


def sources_hash(source: Path) -> str:
    """Of a file, and of the files of this package that it imports, directly or not."""
    config: Any = numba.config
    digest = hashlib.sha256(f"bounds checked: {config.BOUNDSCHECK}".encode())
    for file in sources(source):
        digest.update(_digest(file))
    return digest.hexdigest()[:16]


def sources(source: Path) -> list[Path]:
    """A file, those of this package that it imports, directly or not, and this one, which decides how all compile."""
    package = Path(__file__).parent
    reached, waiting = set[Path](), {source, Path(__file__)}
    while waiting:
        file = waiting.pop()
        reached.add(file)
        waiting |= {package / f"{name}.py" for name in _imported(file)} - reached
    return sorted(reached)


@cache
def _imported(file: Path) -> frozenset[str]:
    """The modules of this package that a file imports, by their whole names. Its syntax is not parsed, which would take
    half of a start."""
    found = _IMPORTS.findall(re.sub(r"#.*", "", _read(file)))
    named = {name for _, names in found for name in re.findall(r"\w+", re.sub(r"\bas \w+", "", names))}
    return frozenset({module for module, _ in found if module} | named)


@cache
def _digest(file: Path) -> bytes:
    """Of a file's name and text: many kernels import it, and it is hashed once."""
    return hashlib.sha256(file.name.encode() + b"\0" + _read(file).encode()).digest()


@cache
def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")
