"""What the RTL arrays once made of a large grid of cases, recorded, so that every test run can hold it against more.

>>> for vector in vectors():
...     act, weight = vector.case.operands()
...     assert digest(my_product(vector.case.array, act, weight)) == vector.digest
"""

import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter

from data import ROOT
from rtl.case import Case
from rtl.workbench import RtlResult

RECORDED = ROOT / "tests" / "data" / "rtl_vectors.json.gz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """A case and its outcome: both cycle counts, the product's digest, and its first and last value to look at."""

    case: Case
    mac_cycles: int
    out_cycles: int
    digest: str
    first: int
    last: int


_ADAPTER = TypeAdapter(list[Vector])


@cache
def vectors(path: Path = RECORDED) -> tuple[Vector, ...]:
    """All vectors of a recording. Those whose case has `lengths` are not plain products: each tile has its own K."""
    return tuple(_ADAPTER.validate_json(gzip.decompress(path.read_bytes())))


def plain_vectors() -> tuple[Vector, ...]:
    """Those of plain products: act @ weight on the case's array."""
    return tuple(vector for vector in vectors() if not vector.case.lengths)


def digest(product: npt.NDArray[np.integer]) -> str:
    """What stands for a matrix of results: the first 64 bits of the SHA-256 of its int32, row by row."""
    return hashlib.sha256(product.astype("<i4").tobytes()).hexdigest()[:16]


def record(path: Path, cases: Sequence[Case], results: Sequence[RtlResult]) -> None:
    """Writes vectors; the same ones always give the same bytes."""
    made = [
        Vector(
            case=case,
            mac_cycles=result.mac_cycles,
            out_cycles=result.out_cycles,
            digest=digest(result.out),
            first=int(result.out[0, 0]),
            last=int(result.out[-1, -1]),
        )
        for case, result in zip(cases, results, strict=True)
    ]
    path.write_bytes(gzip.compress(_ADAPTER.dump_json(made, exclude_defaults=True), mtime=0))
