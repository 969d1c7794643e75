"""What changed from one result to another, field by field."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from fractions import Fraction
from typing import Any, TypeVar

from hwsim.errors import InvalidValue
from hwsim.quantities.plain_data import flat
from hwsim.results.difference import (
    Assumed,
    AssumptionChange,
    ComponentChange,
    Difference,
    FigureChange,
    OpChange,
    PartChange,
    PlanChange,
    ResourceChange,
    RunKind,
    Side,
    Spent,
    TensorChange,
    UnitCycles,
)
from hwsim.results.figures import Components
from hwsim.results.result import OpResult, PartResult, Result
from hwsim.results.tiles_result import TilesOpResult, TilesResult
from hwsim.schedule.unit_table import StallReason, Unit

AnyResult = Result | TilesResult
T = TypeVar("T")

_SUMMARY = (
    "latency_ms", "cycles", "host_ms", "launch_ms", "dispatch_ms", "rtf", "throughput_rtf", "energy_mj",
    "dram_read_bytes", "dram_write_bytes", "macs", "utilization", "parameters", "model_bytes",
)  # fmt: skip
_EFFICIENCY = ("average_power_w", "tops", "tops_per_watt")


def diff(before: AnyResult, after: AnyResult) -> Difference:
    """What changed from one result to another; of runs on an array and on tiles, what both have."""
    for name, value in (("before", before), ("after", after)):
        if not isinstance(value, (Result, TilesResult)):
            raise InvalidValue(name, type(value).__name__, "must be a result, as simulate or load_result gives it")
    return Difference(
        before=_side(before),
        after=_side(after),
        fields=_different_fields(before, after),
        figures=tuple(_figures(before, after)),
        parts=tuple(_parts(before.parts, after.parts)),
        ops=tuple(_ops(before.ops, after.ops)),
        energy_by_component=tuple(_components(before.energy_by_component_aj, after.energy_by_component_aj)),
        tensors=tuple(_tensors(before, after)),
        resources=tuple(_resources(before, after)),
        plans=tuple(_plans(before, after)),
        assumptions=tuple(_assumptions(before, after)),
    )


def _side(result: AnyResult) -> Side:
    summary = result.summary
    return Side(
        kind=RunKind.ARRAY if isinstance(result, Result) else RunKind.TILES,
        workload=summary.workload,
        precision=summary.precision,
        chip=summary.chip,
        clock=result.operation.clock,
        cycles=summary.cycles,
        latency_ms=summary.latency_ms,
        energy_aj=summary.energy_aj,
        energy_mj=summary.energy_mj,
    )


def _different_fields(before: AnyResult, after: AnyResult) -> tuple[str, ...]:
    """The fields that differ, those included that one of them alone has."""
    names = dict.fromkeys(field.name for result in (before, after) for field in fields(result))
    nothing = object()
    return tuple(name for name in names if getattr(before, name, nothing) != getattr(after, name, nothing))


def _figures(before: AnyResult, after: AnyResult) -> Iterator[FigureChange]:
    named = [(name, before.summary, after.summary) for name in _SUMMARY]
    figures = [(name, getattr(old, name), getattr(new, name)) for name, old, new in named]
    figures += [(name, getattr(before.efficiency, name), getattr(after.efficiency, name)) for name in _EFFICIENCY]
    figures.append(("area_mm2", before.area.total_mm2, after.area.total_mm2))
    return (FigureChange.of(name, old, new) for name, old, new in figures if old != new)


def _both(before: Mapping[str, T], after: Mapping[str, T]) -> Iterator[tuple[str, T | None, T | None]]:
    """What differs by name, in the order of the second one, then what only the first one has."""
    for name in dict.fromkeys([*after, *before]):
        if before.get(name) != after.get(name):
            yield name, before.get(name), after.get(name)


def _spent(entry: PartResult | OpResult | TilesOpResult) -> Spent:
    work = entry.work if isinstance(entry, TilesOpResult) else entry
    moved = work.dram_read_bytes + work.dram_write_bytes
    return Spent(cycles=entry.cycles, energy_aj=entry.energy_aj, dram_bytes=moved)


def _parts(before: Sequence[PartResult], after: Sequence[PartResult]) -> Iterator[PartChange]:
    old, new = ({part.name: _spent(part) for part in parts} for parts in (before, after))
    return (PartChange(name=name, before=one, after=other) for name, one, other in _both(old, new))


def _ops(
    before: Sequence[OpResult] | Sequence[TilesOpResult], after: Sequence[OpResult] | Sequence[TilesOpResult]
) -> Iterator[OpChange]:
    old, new = ({op.name: (_spent(op), _bound(op)) for op in ops} for ops in (before, after))
    for name, one, other in _both(old, new):
        (spent, bound), (spent_after, bound_after) = one or (None, None), other or (None, None)
        yield OpChange(name=name, before=spent, after=spent_after, bound_before=bound, bound_after=bound_after)


def _bound(op: OpResult | TilesOpResult) -> str:
    """What binds an op, or where the run waited for it most."""
    if isinstance(op, OpResult):
        return str(op.limit.value)
    return max(op.places, key=lambda place: place.cycles).place.value if op.places else op.place.value


def _components(before: Components, after: Components) -> Iterator[ComponentChange]:
    whole = after.total - before.total
    for field in fields(Components):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new:
            share = Fraction(new - old, whole) if whole else None
            yield ComponentChange(component=field.name, before_aj=old, after_aj=new, share=share)


_Stands = tuple[str, int]
"""Where a tensor lies, and how many of its bytes stay on the chip; of weights on tiles, how many tiles they are on."""


def _tensors(before: AnyResult, after: AnyResult) -> Iterator[TensorChange]:
    if isinstance(before, Result) != isinstance(after, Result):
        return
    for name, old, new in _both(_stands(before), _stands(after)):
        (place, kept), (place_after, kept_after) = old or (None, None), new or (None, None)
        yield TensorChange(
            tensor=name,
            place_before=place,
            place_after=place_after,
            kept_before_bytes=kept,
            kept_after_bytes=kept_after,
        )


def _stands(result: AnyResult) -> dict[str, _Stands]:
    if isinstance(result, Result):
        return {tensor.tensor: (tensor.place.value, tensor.kept_bytes) for tensor in result.tensors}
    spots: dict[str, set[tuple[int, int]]] = {}
    for matrix in result.placement.matrices:
        spots.setdefault(matrix.tensor, set()).update(matrix.spots)
    on_tiles: dict[str, _Stands] = {name: (_tiles(taken), 0) for name, taken in spots.items()}
    return on_tiles | dict.fromkeys(result.streamed, ("streamed", 0))


def _tiles(spots: set[tuple[int, int]]) -> str:
    chips = sorted({chip for chip, _ in spots})
    tiles = f"{len(spots)} tiles" if len(spots) > 1 else "1 tile"
    return f"{tiles} of {'chip' if len(chips) == 1 else 'chips'} {', '.join(map(str, chips))}"


def _resources(before: AnyResult, after: AnyResult) -> Iterator[ResourceChange]:
    if isinstance(before, Result) != isinstance(after, Result):
        return
    for name, old, new in _both(_unit_cycles(before), _unit_cycles(after)):
        yield ResourceChange(unit=name, before=old, after=new)


def _unit_cycles(result: AnyResult) -> dict[str, UnitCycles]:
    """How each unit spends the run; the interconnect of cores only where there are several."""
    if isinstance(result, TilesResult):
        return {
            unit.name: UnitCycles(servers=unit.servers, busy=unit.busy, waiting=0, idle=unit.idle)
            for unit in result.units
        }
    counters, found = result.counters, {}
    for unit in Unit:
        waiting = sum(counters.stalls[reason][unit] for reason in StallReason)
        spent = UnitCycles(busy=counters.busy[unit], waiting=waiting, idle=counters.idle[unit])
        if not unit.spec.among_cores or spent.busy or spent.waiting or spent.idle:
            found[unit.key] = spent
    return found


def _plans(before: AnyResult, after: AnyResult) -> Iterator[PlanChange]:
    if not (isinstance(before, Result) and isinstance(after, Result)):
        return
    old, new = ({op.name: _planned(op) for op in result.ops} for result in (before, after))
    for name, one, other in _both(old, new):
        if one is not None and other is not None:
            yield PlanChange(
                op=name, mode_before=one[0], mode_after=other[0], split_before=one[1], split_after=other[1]
            )


def _planned(op: OpResult) -> tuple[str | None, str | None]:
    """The array's mode, and the split over cores."""
    return None if op.mode is None else op.mode.value, op.split


def _assumptions(before: AnyResult, after: AnyResult) -> Iterator[AssumptionChange]:
    told: tuple[tuple[Assumed, Callable[[AnyResult], Mapping[str, str]]], ...] = (
        (Assumed.INPUT, lambda result: dict(result.provenance.inputs)),
        (Assumed.OPERATION, lambda result: _texts(flat(result.operation))),
        (Assumed.PRICE, _prices),
        (Assumed.SOURCE, lambda result: dict(result.provenance.sources)),
        (Assumed.FILE, lambda result: dict(result.provenance.files)),
        (Assumed.VERSION, lambda result: dict(result.provenance.versions)),
        (
            Assumed.ENGINE,
            lambda result: _texts({"engine": result.provenance.engine.value, "seed": result.provenance.seed}),
        ),
    )
    for kind, of in told:
        for name, old, new in _both(of(before), of(after)):
            yield AssumptionChange(kind=kind, name=name, before=old, after=new)


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: "none" if value is None else str(value) for name, value in values.items()}


def _prices(result: AnyResult) -> dict[str, str]:
    return {
        f"{unit.action} ({unit.component.value})": f"{float(unit.exact):.6g} aJ, {unit.sure.value}: {unit.basis}"
        for unit in result.prices
    }
