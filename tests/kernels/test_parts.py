"""Kernels as parts of kernels: compiled once, with what calls them, and the same functions for Python."""

from typing import Any

import numpy as np
import pytest

from hwsim.kernels.jit import inlined, kernel, lean
from hwsim.kernels.parts import Part, Whole


@inlined
def _doubled(number: int) -> int:
    return 2 * number


@lean
def _largest(first: int, second: int, third: int) -> int:
    return max(_doubled(first), second, third)


@lean
def _sum_of_largest(numbers: Any, floor: int) -> int:
    total = 0
    for number in numbers:
        total += _largest(number, 1, 0) + _largest(number, floor, number)
    return total


@kernel
def _checked(number: int) -> int:
    if number < 0:
        raise ValueError("below zero", -1)
    return number


@kernel
def _first(numbers: Any) -> int:
    return _checked(numbers[0])


def test_parts_compute_what_python_does() -> None:
    numbers = np.array([-3, 0, 5], np.int64)
    expected = sum(max(2 * one, 1, 0) + max(2 * one, 7, one) for one in numbers.tolist())
    assert _sum_of_largest(numbers, 7) == expected
    assert _largest(4, 9, 1) == 9  # a part is a kernel of its own, when Python calls it


@pytest.mark.skipif(not isinstance(_largest, Whole), reason="kernels are interpreted")
def test_a_part_is_compiled_once_for_all_constants_and_has_no_machine_code() -> None:
    assert isinstance(_largest, Whole)
    assert isinstance(_sum_of_largest, Whole)
    # Compiled anew: a cache, which another process may have filled, keeps the kernel without its parts.
    anew = Whole(_sum_of_largest.py_func, _sum_of_largest.targetoptions)
    assert anew(np.array([1], np.int64), 7) == 2 + 7
    compiled: Any = next(iter(_largest.part.overloads.values()))
    assert len(_largest.part.overloads) == 1
    assert compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name) == 0
    assert not isinstance(_largest, Part)
    assert isinstance(_largest.part, Part)


def test_what_a_part_raises_reaches_python() -> None:
    assert _first(np.array([4])) == 4
    with pytest.raises(ValueError, match="below zero"):
        _first(np.array([-4]))
