"""Values multiply with what is handed in, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hwsim
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.evaluate import Given, grids_of, run_floats, run_integers
from hwsim.engine.values.seeded import inputs_from, parameters_from
from hwsim.hardware.summation import Register, Summation
from hwsim.ir.ops import Op
from hwsim.ir.workload import Workload
from hwsim.quantities.precision import Precision
from hwsim.tensor.backend import ExactProducts, OrderedProducts, ProductBackend
from hwsim.tensor.formats import Array
from hwsim.tensor.gemm import Sums
from hwsim.tensor.weights import Weights

PRODUCTS = [{"name": "one", "m": 3, "k": 5, "n": 4}, {"name": "other", "m": 2, "k": 7, "n": 3, "times": 6}]


@dataclass
class Told:
    """Exact products, and whom they were made for; `more` is added to each sum."""

    more: int = 0
    threads: int = 1
    accumulators: str = "told"
    made: list[str] = field(default_factory=list)

    def product(self, op: str, act: Array, precision: Precision, weights: Weights) -> Sums:
        self.made.append(op)
        return Sums(self.exact(act, precision, weights).out + self.more, 0)

    def together(self, op: str, act: Array, weight: Array) -> None:
        return None

    def exact(self, act: Array, precision: Precision, weights: Weights) -> Sums:
        return ExactProducts().exact(act, precision, weights)

    def holds(self, op: str, precision: Precision, weights: Weights) -> bool:
        return False

    def single(self, act: Array, weights: Sequence[Weights], *, often: bool = False) -> Any:
        self.made.append("in floats")
        return ExactProducts().single(act, weights, often=often)


def accumulators(work: Workload, given: Given, grids: QuantParamsTable, products: ProductBackend) -> Array:
    """All accumulators of a run, one after another."""
    found: list[Array] = []

    def see(op: Op, name: str, values: Array, runs: int = 1) -> None:
        if name == "/acc":
            found.append(values.reshape(-1).copy())

    run_integers(work, given, grids, products, seen=see)
    return np.concatenate(found)


@pytest.mark.parametrize("precision", ["fp16", "w8a8", "w4a16g8"])
def test_every_product_of_an_op_is_made_by_the_backend_that_is_handed_in(precision: str, tmp_path: Path) -> None:
    document: Any = {"kind": "gemms", "name": "two", "audio": "1 s", "precision": precision, "products": PRODUCTS}
    work = hwsim.load_workload(document)
    given = Given(parameters=parameters_from(work.program, 0), inputs=inputs_from(work.program, 0))
    reference, told, off = Told(), Told(), Told(more=1000)
    grids = grids_of(work, given, run_floats(work, given, tmp_path, reference))
    assert set(reference.made) == {"in floats"}
    exact, same, other = (accumulators(work, given, grids, products) for products in (ExactProducts(), told, off))
    assert told.made == off.made == ["one", *["other"] * 6]
    np.testing.assert_array_equal(exact, same)
    np.testing.assert_array_equal(exact + 1000, other)


def test_others_may_add_what_no_register_can_cut() -> None:
    weights = Weights.of(np.full((4, 1), -8), Precision.INT4)  # with activations of 4 bits at most 4 · 8 · 8 = 256

    def held(summation: Summation) -> bool:
        return OrderedProducts(lambda op, act, weight: summation, "narrow").holds("any", Precision.INT4, weights)

    assert not held(Summation(register=Register(bits=9)))  # up to 255
    assert held(Summation(register=Register(bits=10)))  # up to 511
    assert not held(Summation(register=Register(bits=32), chunk=2, outer=Register(bits=9)))
    assert ExactProducts().holds("any", Precision.INT4, weights)
