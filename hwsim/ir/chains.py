"""Fused chains: neighbouring ops of a program that can be done piece by piece.

A chain has an axis. Each op of it may be done for one piece of that axis after the other (`hwsim/ir/parallel.py`), and
what one of its ops writes, all of them divide alike. So each piece can go through all ops before the next one begins,
and of a tensor that no other op uses only one piece is there at a time. `hwsim/ir/pieces.py` makes that loop.

Ops stay in their order, and parameters whole.
"""

from collections.abc import Iterable, Mapping
from typing import Self

from hwsim.dataclass import dataclass
from hwsim.ir.chain_growth import grown, links, slab_of
from hwsim.ir.nodes import Placed
from hwsim.ir.op_table import Parallel, op_spec
from hwsim.ir.ops import Op
from hwsim.ir.program import Program
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


def all_chains(program: Program, *, parameters: bool = True) -> tuple[Chain, ...]:
    """Every chain of a program, along each axis as long as it can be; each has a product and a tensor that shrinks.

    Without `parameters` those of ops that have none.
    """
    uses, found = ChainUses.of(program), list[Chain]()

    def may_be(op: Op) -> bool:
        return parameters or not any(program.tensor(view.tensor).role.parameter for view in op_spec(op).reads(op))

    for run in links(program, may_be):
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
    return tuple(filter(uses.saves, found))


def chains(program: Program) -> tuple[Chain, ...]:
    """Chains that share no ops, in program order: of those that do, the one whose tensors have most bytes."""
    return disjoint(all_chains(program), ChainUses.of(program))


def disjoint(found: Iterable[Chain], uses: "ChainUses") -> tuple[Chain, ...]:
    """Those of the chains that share no ops, in program order: of those that do, the one whose tensors have most
    bytes."""
    taken, used = list[Chain](), set[str]()
    for chain in sorted(found, key=lambda one: uses.bytes_of(one.shrinking), reverse=True):
        if used.isdisjoint(chain.ops):
            used.update(chain.ops)
            taken.append(chain)
    order = {name: place for place, name in enumerate(uses.placed)}
    return tuple(sorted(taken, key=lambda chain: order[chain.ops[0]]))


@dataclass(frozen=True, slots=True)
class ChainUses:
    """What chains ask of a program: its ops by name, and which of them use each tensor."""

    program: Program
    placed: Mapping[str, Placed]
    users: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, program: Program) -> Self:
        """Those of a program."""
        placed = {one.op.name: one for one in program.placed()}
        users: dict[str, set[str]] = {}
        for name, one in placed.items():
            rules = op_spec(one.op)
            for view in (*rules.reads(one.op), *rules.writes(one.op)):
                users.setdefault(view.tensor, set()).add(name)
        return cls(program, placed, {tensor: frozenset(names) for tensor, names in users.items()})

    def op(self, name: str) -> Op:
        """The op of that name."""
        return self.placed[name].op

    def chain(self, ops: tuple[str, ...], axes: tuple[Parallel, ...]) -> Chain:
        """The chain of these ops, each divided along an axis that agrees with those of the others."""
        view, axis = axes[0][0]
        of_tensor, window = slab_of(view, axis)
        size = self.program.tensor(view.tensor).shape[of_tensor] if window is None else window.count
        assert isinstance(size, int)
        windowed = {view.tensor for one in axes for view, axis in one if slab_of(view, axis)[1] is not None}
        shrinking = (name for name in self.written(ops) if name not in windowed and self._within(name, ops))
        return Chain(ops=ops, axes=axes, size=size, shrinking=tuple(shrinking))

    def written(self, ops: tuple[str, ...]) -> tuple[str, ...]:
        """The tensors that ops write."""
        placed = [self.op(name) for name in ops]
        return tuple(dict.fromkeys(view.tensor for op in placed for view in op_spec(op).writes(op)))

    def _within(self, tensor: str, ops: tuple[str, ...]) -> bool:
        """Whether only these ops use a tensor, and read of it only what they have written before."""
        steered = () if self.program.search is None else self.program.search.tensors
        if self.program.tensor(tensor).role is not Role.ACTIVATION or tensor in steered:
            return False
        if not self.users[tensor] <= set(ops):
            return False
        written: list[View] = []
        was_read = False
        for name in ops:
            op, rules = self.op(name), op_spec(self.op(name))
            for view in rules.reads(op):
                if view.tensor == tensor:
                    was_read = True
                    if not any(not one.windows or one.windows == view.windows for one in written):
                        return False
            written += (view for view in rules.writes(op) if view.tensor == tensor)
        return was_read

    def saves(self, chain: Chain) -> bool:
        """Whether a tensor shrinks, and the array has something to do."""
        placed = [self.placed[name] for name in chain.ops]
        shapes = (self.program.shapes(one.runs()[0][0]) for one in placed)
        products = any(op_spec(one.op).on_array(one.op, shape) for one, shape in zip(placed, shapes, strict=True))
        return products and bool(chain.shrinking)

    def bytes_of(self, tensors: tuple[str, ...]) -> int:
        """Bytes of whole tensors."""
        return sum(self.program.tensor(name).packed_bytes for name in tensors)
