"""Compiled once, and whoever waits can know that it happens."""

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hwsim.kernels import jit


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="kernels run as plain Python")
def test_a_kernel_that_no_cache_has_says_that_it_compiles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "_cache_folder", lambda: tmp_path)
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
    assert add()(1, 2) == 3
    assert jit.compiling.is_set()
    jit.compiling.clear()
    assert add()(1, 2) == 3
    assert not jit.compiling.is_set()
