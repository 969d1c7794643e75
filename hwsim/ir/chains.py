"""Fused chains: neighbouring ops of a program that can be done piece by piece.

A chain has an axis. Each op of it may be done for one piece of that axis after the other (`hwsim/ir/parallel.py`), and
what one of its ops writes, all of them divide alike. So each piece can go through all ops before the next one begins,
and of a tensor that no other op uses only one piece is there at a time. `hwsim/ir/pieces.py` makes that loop.

Ops stay in their order, and parameters whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from hwsim.errors import InvalidValue
from hwsim.ir.chain_growth import grown, links, slab_of
from hwsim.ir.op_table import Parallel, op_spec
from hwsim.ir.ops import Op
from hwsim.ir.program import Placed, Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.quantities.noun import Name, Noun

_LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain(Noun):
    """Neighbouring ops, the axis of each that is divided, how many entries it has, and the tensors that shrink."""

    ops: tuple[Name, ...]
    axes: tuple[Parallel, ...]
    size: int
    shrinking: tuple[Name, ...]

    @property
    def name(self) -> str:
        """That of its first op, and what becomes of it."""
        return f"{self.ops[0]}.pieces"[:_LONGEST_NAME]


def chains(program: Program) -> tuple[Chain, ...]:
    """The chains of a program, in program order: each as long as it can be, with a product and a tensor that shrinks.

    Of chains that overlap those stay whose tensors have most bytes.
    """
    uses, found = _Uses.of(program), list[Chain]()
    for run in links(program):
        seen: set[tuple[int, Parallel]] = set()
        for place, link in enumerate(run):
            for choice in link.choices:
                if (place, choice.axis) in seen:
                    continue
                first, chosen = grown(run, place, choice)
                axes = tuple(one.axis for one in chosen)
                seen.update(enumerate(axes, first))
                names = tuple(one.placed.op.name for one in run[first : first + len(axes)])
                found.append(uses.chain(names, axes))
    taken, used = list[Chain](), set[str]()
    for chain in sorted(filter(uses.saves, found), key=uses.saved_bytes, reverse=True):
        if used.isdisjoint(chain.ops):
            used.update(chain.ops)
            taken.append(chain)
    order = {name: place for place, name in enumerate(uses.placed)}
    return tuple(sorted(taken, key=lambda chain: order[chain.ops[0]]))


def part(program: Program, chain: Chain, first: str, last: str) -> Chain:
    """The ops of a chain from one to another, which are a chain themselves, maybe one that saves nothing."""
    for name in (first, last):
        if name not in chain.ops:
            raise InvalidValue(chain.name, name, "is none of the chain's ops")
    span = slice(chain.ops.index(first), chain.ops.index(last) + 1)
    if not chain.ops[span]:
        raise InvalidValue(chain.name, last, f"comes before {first}")
    return _Uses.of(program).chain(chain.ops[span], chain.axes[span])


@dataclass(frozen=True, slots=True)
class _Uses:
    """The ops of a program, by name, and the ops that use each tensor."""

    program: Program
    placed: Mapping[str, Placed]
    users: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, program: Program) -> Self:
        placed = {one.op.name: one for one in program.placed()}
        users: dict[str, set[str]] = {}
        for name, one in placed.items():
            for view in _views(one.op):
                users.setdefault(view.tensor, set()).add(name)
        return cls(program, placed, {tensor: frozenset(names) for tensor, names in users.items()})

    def chain(self, names: tuple[str, ...], axes: tuple[Parallel, ...]) -> Chain:
        """The chain of these ops."""
        view, axis = axes[0][0]
        of_tensor, window = slab_of(view, axis)
        size = self.program.tensor(view.tensor).shape[of_tensor] if window is None else window.count
        assert isinstance(size, int)
        touched = dict.fromkeys(
            view.tensor for name in names for view in op_spec(self._op(name)).writes(self._op(name))
        )
        shrinking = tuple(tensor for tensor in touched if self._shrinks(tensor, names, axes))
        return Chain(ops=names, axes=axes, size=size, shrinking=shrinking)

    def _op(self, name: str) -> Op:
        return self.placed[name].op

    def _shrinks(self, tensor: str, names: tuple[str, ...], axes: tuple[Parallel, ...]) -> bool:
        """Whether only ops of the chain see a tensor, all of it along their axis, and each all that was written."""
        steered = () if self.program.search is None else self.program.search.tensors
        if self.program.tensor(tensor).role is not Role.ACTIVATION or tensor in steered:
            return False
        if not self.users[tensor] <= set(names):
            return False
        if any(view.tensor == tensor and slab_of(view, axis)[1] is not None for one in axes for view, axis in one):
            return False
        written: list[View] = []
        was_read = False
        for op in map(self._op, names):
            rules = op_spec(op)
            reads = [view for view in rules.reads(op) if view.tensor == tensor]
            was_read |= bool(reads)
            if any(all(one.windows and one.windows != view.windows for one in written) for view in reads):
                return False  # a rest of what an earlier iteration wrote, maybe
            written += [view for view in rules.writes(op) if view.tensor == tensor]
        return was_read

    def saves(self, chain: Chain) -> bool:
        """Whether a tensor shrinks, and the array has something to do."""
        placed = [self.placed[name] for name in chain.ops]
        shapes = (self.program.shapes(one.runs()[0][0]) for one in placed)
        products = any(op_spec(one.op).on_array(one.op, shape) for one, shape in zip(placed, shapes, strict=True))
        return products and bool(chain.shrinking)

    def saved_bytes(self, chain: Chain) -> int:
        """Bytes of the tensors that shrink."""
        return sum(self.program.tensor(name).packed_bytes for name in chain.shrinking)


def _views(op: Op) -> tuple[View, ...]:
    return (*op_spec(op).reads(op), *op_spec(op).writes(op))
