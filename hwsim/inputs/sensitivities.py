"""What layers lose in each format, as somebody found out elsewhere: a CSV file."""

import csv
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, suggestion
from hwsim.inputs.files import read_text

OP, PRECISION, SENSITIVITY, TRACE = "op", "precision", "sensitivity", "trace"


@dataclass(frozen=True, slots=True)
class Sensitivities:
    """By op: what it loses under each policy, or the trace of the Hessian of the loss by its weights."""

    name: str
    sha256: str
    losses: Mapping[tuple[str, str], float]
    traces: Mapping[str, float]

    @property
    def of_traces(self) -> bool:
        """Whether it has traces, from which what is lost follows with the weights."""
        return bool(self.traces)

    def check_ops(self, ops: Sequence[str]) -> None:
        """Refuse ops that the workload does not have, and workloads of which an op is lacking."""
        named = set(self.traces) | {op for op, _ in self.losses}
        for op in sorted(named - set(ops)):
            raise FileProblem(self.name, f"op {op!r}: {suggestion(op, ops)}")
        for op in ops:
            if op not in named:
                raise FileProblem(self.name, f"has no row for {op}, whose formats are chosen")

    def loss(self, op: str, policy: str) -> float:
        """What an op loses under a policy."""
        if (op, policy) not in self.losses:
            raise FileProblem(self.name, f"has no row for {op} in {policy}")
        return self.losses[op, policy]


def read_sensitivities(path: Path) -> Sensitivities:
    """A CSV file with the columns `op`, `precision` and `sensitivity`, or `op` and `trace`."""
    file = read_text(path)
    lines = list(csv.reader(file.text.splitlines()))
    heads = [head.strip() for head in lines[0]] if lines else []
    if sorted(heads) not in ([OP, PRECISION, SENSITIVITY], [OP, TRACE]):
        law = f"must have the columns {OP}, {PRECISION} and {SENSITIVITY}, or {OP} and {TRACE}, in its first line"
        raise FileProblem(file.name, law, line=1)
    losses: dict[tuple[str, str], float] = {}
    traces: dict[str, float] = {}
    for line, cells in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(heads):
            raise FileProblem(file.name, f"has {len(cells)} cells, the first line {len(heads)}", line=line)
        entry = dict(zip(heads, map(str.strip, cells), strict=True))
        if TRACE in entry:
            known, key = entry[OP] in traces, entry[OP]
            traces[key] = _number(file.name, line, TRACE, entry[TRACE])
        else:
            known, key = (entry[OP], entry[PRECISION]) in losses, f"{entry[OP]} in {entry[PRECISION]}"
            losses[entry[OP], entry[PRECISION]] = _number(file.name, line, SENSITIVITY, entry[SENSITIVITY])
        if known:
            raise FileProblem(file.name, f"{key} is there twice", line=line)
    if not losses and not traces:
        raise FileProblem(file.name, "has no rows behind its first line")
    return Sensitivities(file.name, file.sha256, losses, traces)


def _number(file: str, line: int, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value) or value < 0:
        raise FileProblem(file, f"{name} = {text!r}: must be a number from 0", line=line)
    return value
