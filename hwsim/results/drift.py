"""How good the values of a network on analog tiles are, right after programming and later."""

from fractions import Fraction
from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.quantities.fields import AGE, Age
from hwsim.quantities.noun import Name, Noun, Table, Whole
from hwsim.quantities.offered import as_html
from hwsim.results.figures import AttojouleCount
from hwsim.results.quality import OpQuality, Origin

Count = Annotated[int, Whole(high=2**63)]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftPoint(Noun):
    """A run on tiles so long after programming, with what compensates for drift.

    `sqnr_db`, `cosine` and `top1` are those of the output against the exact integers; None: nothing to compare, or no
    noise at all. `floats_sqnr_db` and `floats_top1` are against the float model. `symbol_agreement` is 1 - edit
    distance / symbols of the exact run's search. `clipped` counts currents outside the range of a converter. `ops` are
    held against the exact run.
    """

    seconds: Age
    compensation: Name
    sqnr_db: float | None
    cosine: float | None
    top1: float | None
    floats_sqnr_db: float | None
    floats_top1: float | None
    symbols: Count | None
    symbol_agreement: float | None
    clipped: Count
    ops: tuple[OpQuality, ...]

    @property
    def age(self) -> str:
        """How long after programming, as people write it."""
        return AGE.written(Fraction(self.seconds)) if self.seconds else "0 s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift(Noun):
    """The quality of a workload's values on analog tiles over time; `output` names the op of the headline figures.

    To compensate, all weights are read once, which takes `readout_us` and `readout_aj`; None where the chip lacks a
    price of it, or the caller said which weights stand on tiles. `exact_sqnr_db`, `exact_top1` and `exact_symbols` are
    those of the exact integers, against the float model. Devices, and what no file gives, are drawn with the seed.
    """

    chip: Name
    workload: Name
    precision: Name
    output: Name
    on_tiles: tuple[Name, ...]
    tiles: Count
    seed: int
    drawn: Annotated[tuple[tuple[str, str], ...], Table()]
    weights_from: Origin
    input_from: Origin
    readout_us: float | None
    readout_aj: AttojouleCount | None
    exact_sqnr_db: float | None
    exact_top1: float | None
    exact_symbols: Count | None
    points: tuple[DriftPoint, ...]

    def __repr__(self) -> str:
        ages = ", ".join(dict.fromkeys(point.age for point in self.points))
        return f"<Drift {self.workload} in {self.precision} on {self.chip}: {ages}>"

    def _repr_html_(self) -> str:
        return as_html(self)
