"""When the steps of an op run on the four units of a core."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import SupportsInt

import numpy as np

from hwsim.core.counters import Counters, Stalls, Units
from hwsim.core.schedule import OpSchedule, Ports, Repeat, Ring, Step, StepTree, Unit
from hwsim.errors import Unsupported
from hwsim.kernels import timeline as k

_LONGEST = 2**62
_REASONS = {"load": k.STALLED_FOR_LOAD, "array": k.STALLED_FOR_ARRAY, "slot": k.STALLED_FOR_SLOT}


@dataclass(frozen=True, slots=True)
class OpTime:
    """One run of an op that finds the chip idle and leaves it idle."""

    counters: Counters
    span: int  # from the first start of array or vector unit to the last end
    walked_iterations: int


def op_time(op: OpSchedule, ports: Ports) -> OpTime:
    """Time and work of one run of an op."""
    code = _Code.of(op.steps, ports)
    if code.upper_bound + ports.latency * code.loads > _LONGEST:
        raise Unsupported(f"{op.name}: takes up to {code.upper_bound} cycles; hwsim counts to {_LONGEST}")
    rows = np.array(code.rows, np.int64)
    totals, ends, first_work, walked = k.walk(rows, ports.latency, ports.slots, max(1, code.depth))
    cycles = int(totals[k.FRONTIER])
    stalls = {reason: _units(totals[column : column + 4]) for reason, column in _REASONS.items()}
    counters = Counters(
        cycles=cycles,
        busy=_units(totals[k.BUSY : k.BUSY + 4]),
        stalls=Stalls(**stalls),
        idle=_units([cycles - end for end in ends]),
        work=op.work(),
    )
    return OpTime(counters, span=cycles - int(first_work), walked_iterations=int(walked))


def _units(values: Iterable[SupportsInt]) -> Units:
    load, array, vector, store = (int(value) for value in values)
    return Units(load=load, array=array, vector=vector, store=store)


@dataclass(frozen=True, slots=True)
class _Code:
    """A step tree as the instructions of the kernel, and what is known of it before it runs."""

    rows: tuple[tuple[int, ...], ...]
    depth: int
    units: int
    rings: int
    upper_bound: int
    loads: int

    @classmethod
    def of(cls, steps: Sequence[StepTree], ports: Ports, at: int = 0) -> "_Code":
        """The instructions of a sequence whose first one stands in row `at`."""
        parts: list[_Code] = []
        for node in steps:
            part = cls.of_repeat(node, ports, at) if isinstance(node, Repeat) else cls.of_step(node, ports)
            parts.append(part)
            at += len(part.rows)
        units = rings = 0
        for part in parts:
            units, rings = units | part.units, rings | part.rings
        return cls(
            rows=tuple(row for part in parts for row in part.rows),
            depth=max((part.depth for part in parts), default=0),
            units=units,
            rings=rings,
            upper_bound=sum(part.upper_bound for part in parts),
            loads=sum(part.loads for part in parts),
        )

    @classmethod
    def of_repeat(cls, repeat: Repeat, ports: Ports, at: int) -> "_Code":
        body = cls.of(repeat.body, ports, at + 1)
        begin = _row(k.BEGIN, times=repeat.times, units=body.units, rings=body.rings)
        return cls(
            rows=(begin, *body.rows, _row(k.END, partner=at)),
            depth=body.depth + 1,
            units=body.units,
            rings=body.rings,
            upper_bound=body.upper_bound * repeat.times,
            loads=body.loads * repeat.times,
        )

    @classmethod
    def of_step(cls, step: Step, ports: Ports) -> "_Code":
        loads = {load.ring: ports.load_cycles(load.bytes) for load in step.loads}
        array, tail = (-1, 0) if step.array is None else (step.array.cycles, step.array.tail)
        vector = -1 if step.vector_cycles is None else step.vector_cycles
        store = -1 if step.store_bytes is None else ports.store_cycles(step.store_bytes)
        flags = k.OPENS * step.phase.opens | k.CLOSES * step.phase.closes
        for ring in step.releases:
            flags |= k.RELEASE_0 << ring
        results = k.VECTOR_RESULTS if step.array is None else k.ARRAY_RESULTS
        rings = 1 << results
        for ring in (*loads, *step.releases):
            rings |= 1 << ring
        used = {Unit.LOAD: bool(loads), Unit.ARRAY: array >= 0, Unit.VECTOR: vector >= 0, Unit.STORE: store >= 0}
        durations = [*loads.values(), array, tail, vector, store]
        row = _row(
            k.STEP,
            loads=tuple(loads.get(ring, -1) for ring in Ring),
            array=array,
            tail=tail,
            vector=vector,
            store=store,
            flags=flags,
        )
        return cls(
            rows=(row,),
            depth=0,
            units=sum(1 << unit for unit, is_used in used.items() if is_used),
            rings=rings,
            upper_bound=sum(max(0, duration) for duration in durations),
            loads=len(loads),
        )


def _row(
    kind: int,
    *,
    times: int = 0,
    partner: int = 0,
    loads: tuple[int, ...] = (-1, -1, -1),
    array: int = -1,
    tail: int = 0,
    vector: int = -1,
    store: int = -1,
    flags: int = 0,
    units: int = 0,
    rings: int = 0,
) -> tuple[int, ...]:
    """An instruction, in the order of the kernel's columns."""
    return (kind, times, partner, *loads, array, tail, vector, store, flags, units, rings)
