"""What `diff --full` prints: every figure, part, op, component, tensor and assumption that changed."""

from collections.abc import Callable, Iterable, Sequence

from rich.table import Table
from rich.text import Text

from hwsim.report.numbers import component_name, figure, joules, percent, scaled, seconds, watts
from hwsim.report.resource_changes import plans_table, resources_table
from hwsim.report.tables import Screen, limit_text, new_table, render
from hwsim.results.difference import (
    AssumptionChange,
    ComponentChange,
    Difference,
    FigureChange,
    OpChange,
    PartChange,
    RunKind,
    Side,
    Spent,
    TensorChange,
)
from hwsim.schedule.unit_table import Limit

_UNITS: dict[str, tuple[str, Callable[[float], str]]] = {
    "latency_ms": ("latency", lambda ms: seconds(ms / 1000)),
    "host_ms": ("host", lambda ms: seconds(ms / 1000)),
    "launch_ms": ("launch", lambda ms: seconds(ms / 1000)),
    "dispatch_ms": ("dispatch", lambda ms: seconds(ms / 1000)),
    "cycles": ("cycles", lambda count: f"{count:,.0f}"),
    "rtf": ("RTF", figure),
    "throughput_rtf": ("throughput RTF", figure),
    "energy_mj": ("energy", lambda mj: joules(mj * 10**15)),
    "dram_read_bytes": ("DRAM read", lambda size: scaled(size, "B")),
    "dram_write_bytes": ("DRAM written", lambda size: scaled(size, "B")),
    "macs": ("products", lambda count: scaled(count, "MAC")),
    "utilization": ("array in use", percent),
    "parameters": ("parameters", lambda count: f"{count:,.0f}"),
    "model_bytes": ("model", lambda size: scaled(size, "B")),
    "average_power_w": ("power", watts),
    "tops": ("TOPS", figure),
    "tops_per_watt": ("TOPS/W", figure),
    "area_mm2": ("area", lambda mm2: f"{figure(mm2)} mm²"),
}


def difference_text(found: Difference, screen: Screen) -> str:
    """All that changed."""
    if found.equal:
        return render((Text(title_of(found), style="bold"),), screen)
    tables = (
        figures_table(found.figures),
        parts_table(found, found.parts),
        _ops_table(found, found.ops),
        components_table(found.energy_by_component),
        _tensors_table(found.tensors),
        resources_table(found.resources),
        plans_table(found.plans),
        assumptions_table(found.assumptions),
    )
    remarks = Text("\n".join(remarks_of(found)))
    return render(
        (Text(title_of(found), style="bold"), remarks, *filter(lambda table: table.row_count, tables)), screen
    )


def run_of(side: Side) -> str:
    """A run in words."""
    return f"{side.workload} in {side.precision} on {side.chip}"


def title_of(found: Difference) -> str:
    """In one line: that the runs differ in what they are of, and how much faster and cheaper the second one is."""
    before, after = found.before, found.after
    if found.equal:
        return (
            f"The results are equal: {run_of(before)}, {seconds(before.latency_ms / 1000)}, {joules(before.energy_aj)}"
        )
    what = [name for name in ("workload", "precision", "chip") if getattr(before, name) != getattr(after, name)]
    if before.kind is not after.kind:
        what = [*what, "kind of run"]
    runs = f"{run_of(before)} → {run_of(after)}" if before.kind is after.kind and what else run_of(after)
    if before.kind is not after.kind:
        runs = f"{run_of(before)} ({before.kind.value}) → {run_of(after)} ({after.kind.value})"
    head = f"Different {_listed(what)}: {runs}" if what else f"{runs}"
    return f"{head}: {_faster(before, after)}, {_cheaper(before, after)}"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _faster(before: Side, after: Side) -> str:
    if before.latency_ms == after.latency_ms or not before.latency_ms or not after.latency_ms:
        return "as fast"
    gain = before.latency_ms / after.latency_ms
    return f"{figure(gain)} times faster" if gain >= 1 else f"{figure(1 / gain)} times slower"


def _cheaper(before: Side, after: Side) -> str:
    if before.energy_aj == after.energy_aj or not before.energy_aj or not after.energy_aj:
        return "for the same energy"
    gain = before.energy_aj / after.energy_aj
    return f"{figure(gain)} times less energy" if gain >= 1 else f"{figure(1 / gain)} times more energy"


def remarks_of(found: Difference) -> list[str]:
    """What has to be known to read the tables."""
    before, after, remarks = found.before, found.after, []
    if before.clock != after.clock:
        remarks.append("The clocks differ: equal cycles are different times.")
    if before.kind is not after.kind:
        remarks.append(
            "Cycles of ops on an array move the end of the run; on tiles the run waits for them. Where tensors lie is "
            "not compared."
        )
    told = {"summary", "parts", "ops", "energy_by_component_aj", "provenance", "prices", "operation", "efficiency"}
    told |= {"area", "tensors", "placement", "streamed", "counters", "units", "energy_lines", "diagnosis"}
    others = [name.replace("_", " ") for name in found.fields if name not in told]
    if others and before.kind is after.kind:
        remarks.append(f"Also different: {', '.join(others)}.")
    return remarks


def figures_table(changes: Iterable[FigureChange]) -> Table:
    """Headline figures, with factor and share."""
    table = new_table("figure", "before", "after", "factor", "change")
    for change in changes:
        name, text = _UNITS[change.name]
        before, after = ("" if value is None else text(value) for value in (change.before, change.after))
        factor = "" if change.factor is None else f"{figure(change.factor)} ×"
        table.add_row(name, before, after, factor, signed(change.change))
        table.columns[1].justify = table.columns[2].justify = "right"
    return table


def signed(change: float | None) -> str:
    """A share of a change, with its sign.

    >>> signed(0.125), signed(-0.5), signed(-1e-9), signed(None)
    ('+12.5 %', '-50.0 %', '< 0.01 %', '')
    """
    if change is None:
        return ""
    text = percent(abs(change))
    return text if text.startswith("<") or not change else f"{'+' if change > 0 else '-'}{text}"


def parts_table(found: Difference, changes: Sequence[PartChange]) -> Table:
    """Parts of the network that changed."""
    table = changes_table("part", *_SPENT)
    for change in changes:
        table.add_row(change.name, *spent_cells(found, [change]))
    return table


_SPENT = "cycles", "after", "of the change", "energy", "after", "DRAM", "after"


def changes_table(first: str, *others: str) -> Table:
    """A table of figures before and after."""
    table = new_table(first, *others)
    for column, name in zip(table.columns, (first, *others), strict=True):
        if name in ("before", "after", "energy", "cycles", "DRAM"):
            column.justify = "right"
    return table


def spent_cells(found: Difference, changes: Sequence[PartChange] | Sequence[OpChange]) -> tuple[str, ...]:
    """Cycles, energy and traffic of some changes together, before and after, with their share of the run's change."""
    whole = found.after.cycles - found.before.cycles
    cycles = sum(change.cycles for change in changes)
    share = signed(cycles / abs(whole)) if whole else signed_count(cycles)
    columns: list[str] = []
    for what, text in _TEXTS:
        for sides in ([change.before for change in changes], [change.after for change in changes]):
            there: list[Spent] = [side for side in sides if side is not None]
            columns.append(text(sum(getattr(side, what) for side in there)) if there else "")
    return (*columns[:2], share, *columns[2:])


_TEXTS: tuple[tuple[str, Callable[[int], str]], ...] = (
    ("cycles", "{:,}".format),
    ("energy_aj", joules),
    ("dram_bytes", lambda size: scaled(size, "B")),
)


def signed_count(count: int) -> str:
    """A number with its sign.

    >>> signed_count(1200), signed_count(-3), signed_count(0)
    ('+1,200', '-3', '0')
    """
    return f"{count:+,}" if count else "0"


def _ops_table(found: Difference, changes: Sequence[OpChange]) -> Table:
    table = changes_table("op", *_SPENT, "bound by")
    for change in sorted(changes, key=lambda change: -abs(change.cycles)):
        table.add_row(change.name, *spent_cells(found, [change]), bounds(found, change))
    return table


def bounds(found: Difference, change: OpChange) -> str:
    """What binds an op before and after, once if it is the same."""
    told = (
        "" if bound is None else limit_text(Limit(bound)) if side.kind is RunKind.ARRAY else bound
        for side, bound in ((found.before, change.bound_before), (found.after, change.bound_after))
    )
    return " → ".join(dict.fromkeys(text or "absent" for text in told))


def components_table(changes: Iterable[ComponentChange]) -> Table:
    """Energy by component, and shares of what all of it changed by."""
    table = changes_table("energy goes to", "before", "after", "of the change")
    for change in sorted(changes, key=lambda change: -abs(change.after_aj - change.before_aj)):
        sign = 1 if change.after_aj > change.before_aj else -1
        share = "" if change.share is None else signed(sign * abs(float(change.share)))
        table.add_row(component_name(change.component), joules(change.before_aj), joules(change.after_aj), share)
    return table


def _tensors_table(changes: Iterable[TensorChange]) -> Table:
    table = changes_table("tensor", "place", "on the chip", "after")
    for change in changes:
        kept = (
            "" if size is None else scaled(size, "B") for size in (change.kept_before_bytes, change.kept_after_bytes)
        )
        table.add_row(change.tensor, moved(change), *kept)
    return table


def moved(change: TensorChange) -> str:
    """From where to where a tensor moved."""
    places = (change.place_before or "absent", change.place_after or "absent")
    return " → ".join(dict.fromkeys(places))


def assumptions_table(changes: Iterable[AssumptionChange]) -> Table:
    """What the results rest on."""
    table = new_table("rests on", "", "before", "after")
    for change in changes:
        table.add_row(change.kind.value, change.name, change.before or "absent", change.after or "absent")
    for column in table.columns[1:]:
        column.no_wrap = False
    return table
