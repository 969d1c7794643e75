"""The utterances on which scales of activations and ranges of converters are found, before anything is measured."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from hwsim.dataclass import dataclass
from hwsim.inputs.datasets import DataSet, Use, Utterance, open_data
from hwsim.ir.workload import Workload
from hwsim.study.recognise.lots import Floats, Lot, equal_lots, lot_of


@dataclass(frozen=True, slots=True, eq=False)
class Calibrating:
    """The utterances on which scales are found."""

    data: DataSet
    utterances: Sequence[Utterance]
    told: str

    def lots(self, work: Workload, parameters: Floats) -> Iterator[Lot]:
        """All of them in lots without padding, ready to run."""
        groups = equal_lots(self.data, self.utterances, work)
        return (lot_of(self.data, group, work, parameters) for group in groups)


def calibrating_of(data: DataSet, on: Path | None, count: int, tests: Sequence[Utterance]) -> Calibrating:
    """Those of another data set, those that are marked, or some of those that are measured, evenly spread."""
    if on is not None:
        other = open_data(on)
        return Calibrating(other, other.utterances, f"{_counted(len(other.utterances))} of {other.name}")
    marked = data.of(Use.CALIBRATE, Use.BOTH)
    if marked:
        shared = sum(one.use is Use.BOTH for one in marked)
        also = f"measured too: {shared}" if shared else "none of them measured"
        return Calibrating(data, marked, f"{_counted(len(marked))} marked for it, {also}")
    chosen = spread(tests, count)
    return Calibrating(data, chosen, f"{_counted(len(chosen))}, measured too")


def spread(utterances: Sequence[Utterance], count: int) -> list[Utterance]:
    """So many of these utterances, evenly spread, or all of them."""
    count = min(count, len(utterances))
    return [utterances[len(utterances) * place // count] for place in range(count)]


def _counted(utterances: int) -> str:
    return f"{utterances:,} utterance{'s' * (utterances != 1)}"
