"""Compiled once, and whoever waits can know that it happens."""

import ast
import importlib.util
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import pytest

from hwsim.kernels import jit
from hwsim.kernels.parts import Whole


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="kernels run as plain Python")
def test_a_kernel_that_no_cache_has_says_that_it_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "_cache_folder", lambda source: tmp_path)
    monkeypatch.setattr(jit, "compiling", type(jit.compiling)())
    source = tmp_path / "fresh.py"
    source.write_text("def add(one, other):\n    return one + other\n")

    def add() -> Callable[[int, int], int]:
        spec = importlib.util.spec_from_file_location("fresh", source)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return jit.kernel(module.add)

    assert not jit.compiling.is_set()
    first = add()  # kept: what its cached code refers to is found again while it is there, for its module is in no list
    assert first(1, 2) == 3
    assert jit.compiling.is_set()
    jit.compiling.clear()
    assert add()(1, 2) == 3
    assert not jit.compiling.is_set()


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="kernels run as plain Python")
def test_of_several_threads_one_looks_for_a_cache_and_one_at_a_time() -> None:
    """Numba is told of the folder of caches by a global variable."""
    looking, found = list[int](), list[int]()

    def cached() -> None:
        looking.append(0)
        sleep(0.02)
        found.append(len(looking))
        looking.pop()

    def twice(number: int) -> int:
        return 2 * number

    kernels = [Whole(twice, {"nogil": True}, cached) for _ in range(3)]
    calls = [kernel for kernel in kernels for _ in range(3)]
    with ThreadPoolExecutor(len(calls)) as pool:
        assert list(pool.map(lambda kernel: kernel(21), calls)) == [42] * len(calls)
    assert found == [1] * len(kernels)


def _imports(file: Path) -> set[Path]:
    """The files of the package that a file imports, by its syntax."""
    named = set[str]()
    for node in ast.walk(ast.parse(file.read_text())):
        assert not isinstance(node, ast.ImportFrom) or not node.level, "kernels name whole modules when they import"
        if isinstance(node, ast.ImportFrom) and node.module == "hwsim.kernels":
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None and node.module.startswith("hwsim.kernels."):
            named.add(node.module.removeprefix("hwsim.kernels."))
        elif isinstance(node, ast.Import):
            assert not any(alias.name.startswith("hwsim") for alias in node.names)
    return {file.parent / f"{name}.py" for name in named}


@pytest.mark.parametrize("file", sorted(Path(jit.__file__).parent.glob("*.py")), ids=lambda file: file.stem)
def test_a_kernel_is_cached_under_all_files_that_it_imports(file: Path) -> None:
    reached, waiting = set[Path](), {file, Path(jit.__file__)}
    while waiting:
        reached |= waiting
        waiting = {other for one in waiting for other in _imports(one)} - reached
    assert set(jit.sources(file)) == reached


def test_a_kernel_is_cached_anew_when_a_file_changes_that_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = {
        "jit.py": "",
        "outer.py": "from hwsim.kernels import (\n    codes as c,  # of steps\n    middle,\n)\n",
        "middle.py": "from hwsim.kernels import inner  # its one",
        "inner.py": "one = 1",
        "codes.py": "",
        "other.py": "",
    }
    hashes = {}
    for changed in [None, *texts]:
        folder = tmp_path / (changed or "first")
        folder.mkdir()
        for name, text in texts.items():
            (folder / name).write_text(text + ("\n# changed" if name == changed else ""))
        monkeypatch.setattr(jit, "__file__", str(folder / "jit.py"))
        hashes[changed] = jit.sources_hash(folder / "outer.py")
    assert hashes["other.py"] == hashes[None]
    assert len(set(hashes.values())) == len(texts)


def test_what_was_made_from_no_file_is_compiled_and_not_cached() -> None:
    made: dict[str, Callable[[int], int]] = {}
    exec(compile("def one_more(number):\n    return number + 1\n", "<made>", "exec"), made)
    assert jit.kernel(made["one_more"])(1) == 2
