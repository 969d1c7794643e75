"""Uses and live ranges of tensors. The elements along a tensor's last axis are a row."""

from collections.abc import Mapping
from dataclasses import field

from hwsim.dataclass import dataclass
from hwsim.ir.nodes import Loop, Node, Placed
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Op
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role, Tensor
from hwsim.ir.view import View
from hwsim.kernels import tiling_code

ALL = tiling_code.ALL
"""The rows of a tensor that is kept as a whole, however many it has."""

ResidentRows = Mapping[str, int]
"""Of each tensor, by name, how many of its first rows are kept. Tensors not listed have no resident rows."""


def prefix_name(tensor: str, rows: int) -> str:
    """The name of a resident prefix: the first rows of a tensor, where only they are kept.

    >>> prefix_name("encoder.0.out", 12)
    'encoder.0.out[:12]'
    """
    return f"{tensor}[:{rows}]"


@dataclass(frozen=True, slots=True)
class Span:
    """Ops of the program from one place in its order to another, both included."""

    first: int
    last: int

    def meets(self, other: "Span") -> bool:
        return self.first <= other.last and other.first <= self.last

    def joined(self, other: "Span") -> "Span":
        return Span(min(self.first, other.first), max(self.last, other.last))


@dataclass(frozen=True, slots=True)
class Use:
    """One view of a tensor by one op."""

    place: int
    op: Op
    loops: tuple[Loop, ...]
    view: View
    writes: bool
    may_not_run: bool
    """Whether the op does not run in some iterations of the loops around."""

    @property
    def whole(self) -> bool:
        """Whether the view is all of the tensor."""
        return self.view.whole


@dataclass(slots=True)
class TensorUses:
    """All uses of one tensor."""

    tensor: Tensor
    uses: list[Use] = field(default_factory=list)

    @property
    def reads(self) -> list[Use]:
        return [use for use in self.uses if not use.writes]

    @property
    def writes(self) -> list[Use]:
        return [use for use in self.uses if use.writes]

    @property
    def common_loops(self) -> tuple[Loop, ...]:
        """The loops around all uses."""
        common = self.uses[0].loops
        for use in self.uses[1:]:
            common = _shared(common, use.loops)
        return common

    @property
    def carried(self) -> bool:
        """Whether an iteration of some loop reads content, or a rest of it, that an earlier iteration wrote."""
        if self.tensor.role is not Role.STATE:
            return False
        return any(
            (read.place <= write.place or not write.whole or write.may_not_run) and _shared(read.loops, write.loops)
            for read in self.reads
            for write in self.writes
        )

    @property
    def spaces(self) -> int:
        """Two, written alternately, if new content is made while the old content is still read; else one."""
        written = {use.place for use in self.writes}
        if any(use.place in written for use in self.reads):
            return 2
        return 2 if self.carried and all(use.whole for use in self.writes) else 1


def _shared(loops: tuple[Loop, ...], others: tuple[Loop, ...]) -> tuple[Loop, ...]:
    """The outer loops that two places have in common."""
    length = 0
    while length < min(len(loops), len(others)) and loops[length] is others[length]:
        length += 1
    return loops[:length]


class ProgramUses:
    """The uses of all tensors of a program, by name, and where its loops and ops stand in its order."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.placed: tuple[Placed, ...] = tuple(program.placed())
        self.tensors: dict[str, TensorUses] = {}
        self.place_of: dict[str, int] = {}
        for place, placed in enumerate(self.placed):
            self.place_of[placed.op.name] = place
            rules, may_not_run = op_spec(placed.op), any(share.least == 0 for share in placed.shares)
            for writes, views in ((False, rules.reads(placed.op)), (True, rules.writes(placed.op))):
                for view in dict.fromkeys(views):
                    uses = self.tensors.setdefault(view.tensor, TensorUses(program.tensor(view.tensor)))
                    uses.uses.append(Use(place, placed.op, placed.loops, view, writes, may_not_run))
        self.loop_spans: dict[str, Span] = dict(_loop_spans(program.body, 0)[0])
        self._lives: dict[str, Span] = {}

    def live_range(self, name: str) -> Span:
        """From where to where a tensor's content is needed: all of a loop that uses it and goes on."""
        if name not in self._lives:
            self._lives[name] = self._live_range(self.tensors[name])
        return self._lives[name]

    def _live_range(self, uses: TensorUses) -> Span:
        common = uses.common_loops
        if common and uses.carried:
            return self.loop_spans[common[0].name]
        spans = [self._child_span(use, len(common)) for use in uses.uses]
        live_range = spans[0]
        for span in spans[1:]:
            live_range = live_range.joined(span)
        return live_range

    def _child_span(self, use: Use, depth: int) -> Span:
        """The place of the op, or of the loop around it that lies directly inside the common loops."""
        return self.loop_spans[use.loops[depth].name] if len(use.loops) > depth else Span(use.place, use.place)


def _loop_spans(nodes: tuple[Node, ...], place: int) -> tuple[list[tuple[str, Span]], int]:
    spans: list[tuple[str, Span]] = []
    for node in nodes:
        if isinstance(node, Loop):
            inner, end = _loop_spans(node.body, place)
            spans += [(node.name, Span(place, end - 1)), *inner]
            place = end
        else:
            place += 1
    return spans, place
