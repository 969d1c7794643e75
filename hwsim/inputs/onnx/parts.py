"""What a program is put together from while its axes may still be split: numbers of the file, ops that hold values."""

from collections.abc import Callable
from dataclasses import field

import numpy as np
from numpy.typing import NDArray

from hwsim.dataclass import dataclass
from hwsim.inputs.onnx.graph import Array
from hwsim.inputs.onnx.stored import Quant, Value
from hwsim.ir.ops import Apply, Elementwise, Function, Move, Op
from hwsim.ir.view import View


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Numbers of the file; with scales, integers that stand for real ones."""

    values: Array
    kind: str
    quant: Quant | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)

    @property
    def real(self) -> Array:
        """What they stand for."""
        if self.quant is None:
            return self.values
        return dequantised(self.values, self.quant)


def dequantised(values: Array, quant: Quant) -> NDArray[np.float32]:
    """What integers stand for, computed as `DequantizeLinear` says."""
    scale, zero = (along(entries, quant, values.shape) for entries in (quant.scale, quant.zero))
    return np.asarray((values.astype(np.int32) - zero).astype(np.float32) * scale, np.float32)


def along(entries: Array, quant: Quant, shape: tuple[int, ...]) -> Array:
    """Scales or zero points in a shape that goes with the numbers."""
    if quant.axis is None or entries.size == 1:
        return entries.reshape(())
    if quant.block:
        return np.repeat(entries, quant.block, axis=quant.axis)[
            tuple(slice(0, size) if axis == quant.axis else slice(None) for axis, size in enumerate(shape))
        ]
    return entries.reshape([-1 if axis == quant.axis else 1 for axis in range(len(shape))])


Operand = Held | Value


@dataclass(slots=True, eq=False)
class Made:
    """An op that takes and gives values; `make` builds it when all axes are settled."""

    name: str
    reads: list[Value]
    writes: list[Value]
    make: Callable[["Made"], Op]
    inside: list[str] = field(default_factory=list, kw_only=True)
    """Names of what would have been ops of their own."""


@dataclass(slots=True, eq=False)
class Chain:
    """A chain of functions of values that come in one order."""

    name: str
    reads: list[tuple[str, Value]] = field(default_factory=list)
    steps: list[Apply] = field(default_factory=list)
    writes: list[tuple[str, Value]] = field(default_factory=list)
    constants: dict[str, float] = field(default_factory=dict)
    count: int = 0
    closed: bool = False
    """Whether it stays an op of its own, which nothing is joined with."""
    inside: list[str] = field(default_factory=list)
    """Names of the chains that are part of it now."""

    def local(self) -> str:
        """A name for one more value."""
        self.count += 1
        return f"v{self.count}"

    def apply(self, function: Function, *args: str) -> str:
        """One more step; the name of its result."""
        result = self.local()
        self.steps.append(Apply(function=function, args=args, result=result))
        return result

    def constant(self, value: float) -> str:
        """The name of a number that stands in the chain."""
        for name, known in self.constants.items():
            if known == value and np.signbit(known) == np.signbit(value):
                return name
        self.constants[name := self.local()] = float(value)
        return name

    def built(self) -> Elementwise:
        """The op: what is written is converted to the format in which it is kept."""
        reads: dict[View, str] = {}
        same: dict[str, str] = {}
        for local, value in self.reads:
            same[local] = reads.setdefault(value.view(), local)
        steps = [
            Apply(function=one.function, args=tuple(same.get(arg, arg) for arg in one.args), result=one.result)
            for one in self.steps
        ]
        writes = []
        for place, (local, value) in enumerate(self.writes):
            result = "out" if place == 0 else f"out{place}"
            steps.append(Apply(function=Function.REQUANTIZE, args=(same.get(local, local),), result=result))
            writes.append((result, value.view()))
        return Elementwise(
            name=self.name,
            reads=tuple((local, view) for view, local in reads.items()),
            chain=tuple(steps),
            writes=tuple(writes),
            constants=tuple(self.constants.items()),
        )


@dataclass(slots=True, eq=False)
class Looped:
    """Ops that run several times, already built."""

    name: str
    times: int
    body: list["Made | Chain"]


Part = Made | Chain | Looped


def copy(made: Made) -> Op:
    """A copy of the only value that is read to the only one that is written."""
    return Move(name=made.name, read=made.reads[0].view(), write=made.writes[0].view())
