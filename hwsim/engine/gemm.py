"""One matrix product on the array of a chip: its integers and its cycles, by either engine."""

from typing import TypeVar

import numpy as np

from hwsim.dataclass import dataclass
from hwsim.engine.register_engines import register_engine
from hwsim.engine.register_run import Array
from hwsim.errors import UnknownName
from hwsim.hardware.chip import Chip
from hwsim.hardware.summation import Summation
from hwsim.quantities.noun import must_be
from hwsim.quantities.precision import Precision
from hwsim.results.figures import ratio
from hwsim.results.product import ProductFigures
from hwsim.results.result import Engine
from hwsim.tensor.gemm import matmul
from hwsim.tensor.operands import checked_matrix, inner_sizes_agree
from hwsim.tensor.ordered import must_fit
from hwsim.tensor.weights import Weights

E = TypeVar("E", Precision, Engine)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Product(ProductFigures):
    """The figures, and `out`: int32 where the result register has at most 32 bits, else int64; float32 of floats."""

    out: Array

    @property
    def figures(self) -> ProductFigures:
        return ProductFigures(**{name: getattr(self, name) for name in ProductFigures.__dataclass_fields__})


def gemm(
    chip: Chip,
    act: object,
    weight: object,
    *,
    act_precision: Precision | str,
    weight_precision: Precision | str,
    engine: Engine | str = Engine.FAST,
    threads: int = 1,
) -> Product:
    """act[m, k] @ weight[k, n] on the array of a chip, in the mode that takes both formats."""
    must_be(Chip, "chip", chip)
    act_format, weight_format = (
        _named("precision", Precision, act_precision),
        _named("precision", Precision, weight_precision),
    )
    left, right = checked_matrix("act", act, act_format), Weights.of(weight, weight_format)
    inner_sizes_agree(left, right.values)
    array = chip.array
    mode = array.mode(act_format, weight_format)
    if mode is None:
        raise array.refusal(act_format, weight_format)
    m, k, n = *left.shape, right.n
    if _named("engine", Engine, engine) is Engine.FAST:
        sums = matmul(
            left,
            right,
            act_precision=act_format,
            weight_precision=weight_format,
            summation=array.summation(mode),
            threads=threads,
        )
        out, saturations, cycles = sums.out, sums.saturations, array.gemm_cycles(mode, m, k, n)
    else:
        engine_of_kind, summation = register_engine(array), array.summation(mode)
        must_fit(left, right, summation)
        run = engine_of_kind(array, mode, left, right.values)
        out, saturations, cycles = run.out.astype(_sums(summation, mode), copy=False), run.saturations, run.cycles
    macs = m * k * n
    return Product(
        out=out,
        mac_cycles=cycles.mac,
        out_cycles=cycles.out,
        tiles=cycles.tiles,
        macs=macs,
        utilization=ratio(macs, cycles.out * array.macs_per_cycle(mode)),
        saturations=saturations,
    )


def _sums(summation: Summation, mode: Precision) -> type[np.generic]:
    if mode.floating:
        return np.float32
    return np.int32 if (summation.outer or summation.register).bits <= 32 else np.int64


def _named(what: str, kind: type[E], value: E | str) -> E:
    """The member of an enum, or the one of that name."""
    if isinstance(value, kind):
        return value
    try:
        return kind(value)
    except ValueError:
        raise UnknownName(what, str(value), [member.value for member in kind]) from None
