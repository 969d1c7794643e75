"""Chains in single precision by a kernel: every number is that of the same chain op by op in numpy."""

from typing import Any

import numpy as np
import pytest

from hwsim.ir.ops import Apply, Elementwise, Function
from hwsim.ir.view import View
from hwsim.kernels.single_chain import BLOCK
from hwsim.quantities.precision import Precision
from hwsim.tensor.chain import float_chain
from hwsim.tensor.quant_params import QuantParams, even
from hwsim.tensor.single_chain import Read, SingleChain, integers_by_one_scale
from processor import need_compiled_kernels

Array = np.ndarray[Any, Any]
INT8 = even(Precision.INT8, 0.037)
UINT8 = QuantParams(Precision.UINT8, np.asarray(0.05, np.float32), np.asarray(131, np.int32), symmetric=False)
F = Function


def chain_of(
    reads: str, steps: tuple[Apply, ...], writes: str, constants: tuple[tuple[str, float], ...] = ()
) -> Elementwise:
    return Elementwise(
        name="op",
        reads=tuple((local, View(tensor=local)) for local in reads),
        chain=steps,
        writes=tuple((local, View(tensor=f"{local} out")) for local in writes),
        constants=constants,
    )


def step(function: Function, args: str, result: str) -> Apply:
    return Apply(function=function, args=tuple(args), result=result)


def by_numpy(op: Elementwise, reads: list[Read], arrays: list[Array], writes: Any, elements: int) -> list[Array]:
    real = {
        one.local: np.resize(values if one.params is None else one.params.real(values), elements).astype(np.float32)
        for one, values in zip(reads, arrays, strict=True)
    }
    found = float_chain(op, real, Precision.FP32)
    return [np.broadcast_to(found[x] if p is None else p.quantised(found[x]), (elements,)) for x, p in writes]


def both(op: Elementwise, arrays: list[Array], params: list[QuantParams | None], writes: Any) -> None:
    need_compiled_kernels()
    elements = max(array.size for array in arrays)
    reads = [Read(local, array.size, p) for (local, _), array, p in zip(op.reads, arrays, params, strict=True)]
    chain = SingleChain.of(op, reads, writes, elements)
    assert chain is not None
    for mine, theirs in zip(chain(arrays), by_numpy(op, reads, arrays, writes, elements), strict=True):
        assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs)


SWISH = chain_of(
    "xb",
    (
        step(F.DEQUANTIZE, "x", "r"),
        step(F.ADD, "rb", "s"),
        step(F.SIGMOID, "s", "g"),
        step(F.MUL, "sg", "m"),
        step(F.REQUANTIZE, "m", "o"),
    ),
    "o",
)


@pytest.mark.parametrize("elements", [1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK + 100])
@pytest.mark.parametrize("params", [INT8, UINT8])
def test_a_swish_with_a_bias_is_that_of_numpy(elements: int, params: QuantParams) -> None:
    rng = np.random.default_rng(elements)
    columns = next(size for size in (100, 73, 7, 1) if elements % size == 0)
    integers = rng.integers(params.lowest, params.highest + 1, elements).astype(np.int32)
    bias = rng.standard_normal(columns).astype(np.float32)
    both(SWISH, [integers, bias], [params, None], [("o", params)])


def test_sigmoids_in_doubt_are_those_of_numpy() -> None:
    """Far below zero most sigmoids are in doubt: double precision holds few bits of one less what is next to one."""
    x = np.linspace(-40, 5, 100_000, dtype=np.float32)
    op = chain_of("x", (step(F.SIGMOID, "x", "g"), step(F.MUL, "gx", "o")), "go")
    both(op, [x], [None], [("g", None), ("o", INT8)])


@pytest.mark.parametrize("function", [F.ADD, F.SUB, F.MUL, F.DIV])
def test_functions_of_two_are_those_of_numpy(function: Function) -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(3000).astype(np.float32) for _ in range(2))
    y[::100] = 0
    op = chain_of("xy", (step(function, "xy", "z"), step(F.ERF, "z", "e")), "zex", (("c", 0.1),))
    with np.errstate(divide="ignore", invalid="ignore"):
        both(op, [x, y], [None, None], [("z", UINT8), ("e", None), ("x", INT8)])


def test_what_is_no_number_becomes_the_integer_that_numpy_makes_of_it() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.5, -0.0] * 300, np.float32)
    op = chain_of("x", (step(F.REQUANTIZE, "x", "o"),), "o")
    with np.errstate(invalid="ignore"):
        both(op, [x], [None], [("o", INT8)])


def test_rows_of_integers_and_constants() -> None:
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 256, 12).astype(np.int32)
    x = rng.standard_normal(1200).astype(np.float32)
    op = chain_of("xr", (step(F.MUL, "xc", "y"), step(F.ADD, "yr", "z")), "zy", (("c", 0.1),))
    both(op, [x, rows], [None, UINT8], [("z", UINT8), ("y", None)])


def test_functions_that_numpy_computes_in_its_own_way_stay_with_it() -> None:
    op = chain_of("x", (step(F.TANH, "x", "o"),), "o")
    assert SingleChain.of(op, [Read("x", 5)], [("o", None)], 5) is None


def test_scales_of_channels_or_more_bits_are_not_for_the_kernel() -> None:
    channels = QuantParams(Precision.INT8, np.ones(3, np.float32), np.zeros(3, np.int32))
    assert not integers_by_one_scale(channels)
    assert not integers_by_one_scale(even(Precision.INT32, 1.0))
    assert not integers_by_one_scale(None)
    assert integers_by_one_scale(even(Precision.INT16, 1.0))
