"""A program made ready for planning, once for all plans: sizes filled in, epilogues found, uses counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import prod

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.ir.nodes import Loop
from hwsim.ir.op_table import op_spec
from hwsim.ir.ops import Conv, Elementwise, Gemm
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.mapping.liveness import ProgramUses, Span
from hwsim.mapping.lower import SizedLoop, SizedNode, SizedOp, lower, sized_ops, sized_runs, unshaped
from hwsim.mapping.operands import can_fuse


@dataclass(frozen=True, eq=False)
class AnalysedProgram:
    """A program with what planning asks of it: `nodes` with their sizes, the `largest` size of each op by name."""

    program: Program
    uses: ProgramUses
    nodes: tuple[SizedNode, ...]
    largest: dict[str, SizedOp]
    elided: frozenset[str]
    """Tensors that never leave the tile in which they are made."""
    two_spaces: tuple[str, ...]
    """Tensors with two spaces, written alternately."""

    def live_range(self, name: str) -> Span:
        """From where to where a tensor's content is needed.

        An epilogue runs together with its producer: tensors that either reads are needed, and tensors that either
        writes are there, from the producer's place to the epilogue's.
        """
        known = self._live_ranges.get(name)
        if known is None:
            live_range = self.uses.live_range(name)
            known = self._live_ranges[name] = Span(
                self._producer_of.get(live_range.first, live_range.first),
                self._epilogue_of.get(live_range.last, live_range.last),
            )
        return known

    @cached_property
    def _live_ranges(self) -> dict[str, Span]:
        """Those that were asked for so far: plans ask for the same ones again and again."""
        return {}

    @cached_property
    def size(self) -> int:
        """How many ops a schedule has: each as often as it changes its sizes."""
        return sum(1 for _ in sized_ops(self.nodes))

    @cached_property
    def parts(self) -> NDArray[np.int64]:
        """The part of the program in which each place is: a loop outside all others, or the ops between two of them.

        Parts are numbered in program order.
        """
        outermost = [placed.loops[0].name if placed.loops else None for placed in self.uses.placed]
        return np.cumsum([0, *(one != other for one, other in pairwise(outermost))], dtype=np.int64)

    @cached_property
    def _epilogue_of(self) -> dict[int, int]:
        """The places of epilogues, by the places of their producers."""
        place_of, pairs = self.uses.place_of, ((sized.op, sized.epilogue) for sized in self.largest.values())
        return {place_of[op.name]: place_of[epilogue.op.name] for op, epilogue in pairs if epilogue is not None}

    @cached_property
    def _producer_of(self) -> dict[int, int]:
        return {epilogue: producer for producer, epilogue in self._epilogue_of.items()}

    def loops_of(self, op: str) -> tuple[Loop, ...]:
        return self.uses.placed[self.uses.place_of[op]].loops

    @cached_property
    def runs(self) -> dict[str, tuple[tuple[SizedOp, int], ...]]:
        """The sizes of each op that runs, with how often it runs in each; epilogues run with their producers."""
        runs_of: dict[str, list[tuple[SizedOp, int]]] = {}
        for sized, times in sized_runs(self.nodes):
            for sized_op in (sized, sized.epilogue):
                if sized_op is not None:
                    runs_of.setdefault(sized_op.op.name, []).append((sized_op, times))
        return {name: tuple(runs) for name, runs in runs_of.items()}

    @cached_property
    def entries(self) -> dict[str, int]:
        """How often each loop begins anew, by name."""
        entries: Counter[str] = Counter()
        _count_entries(self.nodes, 1, entries)
        return entries

    @cached_property
    def products(self) -> tuple[tuple[SizedOp, int, int], ...]:
        """Each op in each of its sizes, the products that it makes at once, and how often it runs."""
        counted: dict[int, tuple[SizedOp, int]] = {}
        for sized, times in sized_runs(self.nodes):
            counted[id(sized)] = sized, counted.get(id(sized), (sized, 0))[1] + times
        return tuple((one, op_spec(one.op).macs(one.op, one.shape), times) for one, times in counted.values())

    def least_cycles(self, peak: int | Fraction) -> int:
        """What all products on an array with so many a cycle take at least."""
        if peak not in self._least_cycles:
            on_array = ((products, times) for sized, products, times in self.products if sized.on_array)
            self._least_cycles[peak] = sum(times * -(-products // peak) for products, times in on_array)
        return self._least_cycles[peak]

    @cached_property
    def _least_cycles(self) -> dict[int | Fraction, int]:
        """Those that were asked for so far: chips of a sweep have few peaks."""
        return {}

    def times(self, op: str) -> int:
        """How often an op runs."""
        return self._times.get(op, 0)

    @cached_property
    def _times(self) -> dict[str, int]:
        return {op: sum(times for _, times in runs) for op, runs in self.runs.items()}

    @cached_property
    def state_traffic(self) -> dict[str, int]:
        """By name, how many bytes of each state the views of ops show in all runs; of an epilogue the whole state."""
        traffic = {}
        for name, uses in self.uses.tensors.items():
            if uses.tensor.role is not Role.STATE:
                continue
            traffic[name] = 0
            for use in uses.uses:
                if use.op.name in self.largest:
                    runs = self.runs.get(use.op.name, ())
                    traffic[name] += sum(times * self.program.view_bytes(use.view, one.shape) for one, times in runs)
                else:
                    traffic[name] += uses.tensor.packed_bytes * self.times(use.op.name)
        return traffic


def analyse(program: Program) -> AnalysedProgram:
    """The program made ready for planning."""
    uses = ProgramUses(program)
    nodes = _Sharing().nodes(_Pairing(uses).nodes(lower(program)))
    largest: dict[str, SizedOp] = {}
    for sized in sized_ops(nodes):
        before = largest.get(sized.op.name)
        if before is None or _elements(sized) > _elements(before):
            largest[sized.op.name] = sized
    elided = frozenset(sized.op.out.tensor for sized in largest.values() if _leads(sized))  # type: ignore[attr-defined]
    two_spaces = tuple(
        name for name, tensor_uses in uses.tensors.items() if tensor_uses.spaces == 2 and name not in elided
    )
    return AnalysedProgram(program, uses, nodes, largest, elided, two_spaces)


def least_size(program: Program) -> int:
    """How many ops a schedule has at least, known without analysing: an op behind a product may be its epilogue."""
    return _least_size(unshaped(program), {})


def _least_size(nodes: tuple[SizedNode, ...], known: dict[int, int]) -> int:
    if id(nodes) not in known:  # the program keeps all nodes meanwhile, so identities last
        count, leads = 0, False
        for node in nodes:
            if isinstance(node, SizedLoop):
                count, leads = count + _least_size(node.body, known), False
            elif leads and isinstance(node.op, Elementwise):
                leads = False
            else:
                count, leads = count + 1, isinstance(node.op, (Gemm, Conv))
        known[id(nodes)] = count
    return known[id(nodes)]


def _leads(sized: SizedOp) -> bool:
    return sized.epilogue is not None


def _elements(sized: SizedOp) -> int:
    return sum(prod(shape) for _, shape in sized.shapes)


def _count_entries(nodes: Iterable[SizedNode], times: int, entries: Counter[str]) -> None:
    for node in nodes:
        if isinstance(node, SizedLoop):
            if node.first:
                entries[node.name] += times
            _count_entries(node.body, times * node.times, entries)


class _Pairing:
    """Joins each op that can be an epilogue to the op before it, its producer; repeated bodies are joined once."""

    def __init__(self, uses: ProgramUses) -> None:
        self.uses = uses
        self._bodies: dict[int, tuple[SizedNode, ...]] = {}

    def nodes(self, nodes: tuple[SizedNode, ...]) -> tuple[SizedNode, ...]:
        if id(nodes) not in self._bodies:  # the lowered program keeps all nodes meanwhile, so identities last
            self._bodies[id(nodes)] = self._paired(nodes)
        return self._bodies[id(nodes)]

    def _paired(self, nodes: tuple[SizedNode, ...]) -> tuple[SizedNode, ...]:
        paired: list[SizedNode] = []
        for node in nodes:
            before = paired[-1] if paired else None
            if isinstance(node, SizedLoop):
                paired.append(replace(node, body=self.nodes(node.body)))
            elif isinstance(before, SizedOp) and self._follows(before, node):
                paired[-1] = replace(before, epilogue=node)
            else:
                paired.append(node)
        return tuple(paired)

    def _follows(self, first: SizedOp, second: SizedOp) -> bool:
        return first.epilogue is None and first.on_array and can_fuse(first, second, self.uses)


class _Sharing:
    """Makes equal ops one object: few ops of a loop change between iterations. Repeated bodies stay one object."""

    def __init__(self) -> None:
        self._ops: dict[object, SizedOp] = {}
        self._bodies: dict[int, tuple[SizedNode, ...]] = {}

    def nodes(self, nodes: tuple[SizedNode, ...]) -> tuple[SizedNode, ...]:
        if id(nodes) not in self._bodies:  # the program keeps all nodes meanwhile, so identities last
            self._bodies[id(nodes)] = tuple(
                replace(node, body=self.nodes(node.body))
                if isinstance(node, SizedLoop)
                else self._ops.setdefault(_sizes(node), node)
                for node in nodes
            )
        return self._bodies[id(nodes)]


def _sizes(sized: SizedOp) -> object:
    """What distinguishes the sized ops of one program."""
    key = id(sized.op), tuple([shape for _, shape in sized.shapes])
    return key if sized.epilogue is None else (key, _sizes(sized.epilogue))


def columns_of(op: str) -> str:
    """The name of an op's bias and scales where they are resident."""
    return f"{op}.columns"


def parameters_of(op: str) -> str:
    """The name of a vector op's parameters where they are resident."""
    return f"{op}.parameters"
