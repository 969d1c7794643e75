"""What `compare` prints: one screen that says what the last precision gains against the first, and from what."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from fractions import Fraction

from rich.table import Table
from rich.text import Text

from hwsim.report.comparison import sizes, time_and_energy
from hwsim.report.energy import GROUP_TITLES
from hwsim.report.gains import product, same_changes, step_name, times_text, worth_text
from hwsim.report.numbers import Group, costliest, figure, groups, joules, percent, roughly, scaled
from hwsim.report.tables import Screen, first_that_fits, new_table, usual_limit
from hwsim.results.figures import EnergyGroups
from hwsim.results.result import Comparison
from hwsim.results.waterfall import Change, ComparedOp

LEAST = Fraction(1, 20)
"""Changes and groups with a smaller share are left out."""

_MOST_RESIDENTS = 3
_GROUPS = (8, 6, 5, 4, 3, 2, 1)


def comparison_screen(comparison: Comparison, screen: Screen) -> str:
    """The first screen of a comparison: as many groups of ops as have room in 40 lines."""
    return first_that_fits((tuple(_blocks(comparison, screen, most)) for most in _GROUPS), screen)


def _blocks(comparison: Comparison, screen: Screen, most: int) -> Iterable[Text | Table]:
    yield Text(_title(comparison))
    yield _rows(comparison, wide=screen.width >= 80)
    if comparison.waterfall:
        if not all(_is_small(comparison, step.changes) for step in comparison.waterfall):
            yield _worth(comparison)
        remarks = (_small(comparison), _resident(comparison), _saved(comparison), _slower(comparison))
        yield Text("\n".join(remark for remark in remarks if remark))
        yield _groups(comparison, most, wide=screen.width >= 80)
    yield Text("More: --full")


def _title(comparison: Comparison) -> str:
    head = f"{comparison.workload} on {comparison.chip}"
    first, last = comparison.rows[0], comparison.rows[-1]
    if first is last:
        return f"{head} in {first.precision}"
    speed = last.speedup
    gained = f"{figure(speed)} times faster" if speed >= 1 else f"{figure(1 / speed)} times slower"
    gain = last.energy_gain
    if gain is None:
        return f"{head}: {last.precision} is {gained} than {first.precision}"
    spent = f"{figure(gain)} times less" if gain >= 1 else f"{figure(1 / gain)} times more"
    return f"{head}: {last.precision} is {gained} than {first.precision} and takes {spent} energy"


def _rows(comparison: Comparison, *, wide: bool) -> Table:
    """A line for each precision; the mode of the array, where the screen is wide enough or it is a surprise."""
    modes = wide or any(row.widened_macs for row in comparison.rows)
    size_columns = ("DRAM", "model") if wide else ()
    mode_column = ("mode",) if modes else ()
    table = new_table("precision", *mode_column, "latency", "RTF", "speed-up", "energy", "gain", *size_columns)
    for row in comparison.rows:
        mode = "" if row.mode is None else row.mode.value + ("*" if row.widened_macs else "")
        table.add_row(row.precision, *((mode,) if modes else ()), *time_and_energy(row), *(sizes(row) if wide else ()))
    if any(row.widened_macs for row in comparison.rows):
        table.caption = "* operands are narrower, but the array has no mode of their width"
        table.caption_justify = "left"
    return table


def _worth(comparison: Comparison) -> Table:
    """What each change is worth in both orders; changes worth next to nothing in time and energy are left out."""
    table = new_table("each change is worth, by order", "of the chip's cycles", "energy")
    for step in comparison.waterfall:
        if not _is_small(comparison, step.changes):
            table.add_row(step_name(step), *_worths(comparison, step.changes))
    return table


def _gains(comparison: Comparison, changes: object) -> tuple[list[Fraction | None], list[Fraction | None]]:
    """The gains of these changes in time and in energy, in both orders."""
    step = next(step for step in comparison.waterfall if step.changes == changes)
    beside = same_changes(step, comparison.waterfall_other_order)
    return (
        [step.speedup, product([same.speedup for same in beside])],
        [step.energy_gain, product([same.energy_gain for same in beside])],
    )


def _worths(comparison: Comparison, changes: object) -> tuple[str, str]:
    time, energy = (_worth_of(gains) for gains in _gains(comparison, changes))
    return ("" if changes == (Change.MAC_PRICE,) else time), energy  # time does not know of prices


def _worth_of(gains: Sequence[Fraction | None]) -> str:
    return f"< {roughly(float(LEAST))}" if _are_small(gains) else worth_text(*gains)


def _are_small(gains: Sequence[Fraction | None]) -> bool:
    return all(abs(gain - 1) < LEAST for gain in gains if gain is not None)


def _is_small(comparison: Comparison, changes: object) -> bool:
    return all(map(_are_small, _gains(comparison, changes)))


def _small(comparison: Comparison) -> str:
    names = [step_name(step) for step in comparison.waterfall if _is_small(comparison, step.changes)]
    return f"Worth less than {roughly(float(LEAST))}: {', '.join(names)}." if names else ""


def _resident(comparison: Comparison) -> str:
    """Which weights stay on the chip in the last precision, and do not, or less of them, in the first one."""
    residents = groups(comparison.became_resident, lambda weight: weight.tensor)
    if not residents:
        return ""
    top, rest = costliest(residents, lambda weight: weight.kept_bytes, _MOST_RESIDENTS)
    named = [f"{group.title} ({scaled(sum(weight.kept_bytes for weight in group.members), 'B')})" for group in top]
    more = [f"{sum(len(group.members) for group in rest)} more"] if rest else []
    first, last = comparison.rows[0].precision, comparison.rows[-1].precision
    return f"Weights that stay on the chip in {last}, and not or less so in {first}: {', '.join(named + more)}."


def _saved(comparison: Comparison) -> str:
    """Which groups the energy goes to that the last precision saves, or takes more of."""
    saved = dict(comparison.energy_split[-1].saved_aj)
    total = sum(saved.values())
    if not total:
        return ""
    shares = {f.name: Fraction(saved[f.name], total) for f in fields(EnergyGroups)}
    shown = sorted((name for name in shares if shares[name] >= LEAST), key=lambda name: -shares[name])
    verb = "saved" if total > 0 else "added"
    named = ", ".join(f"{roughly(float(shares[name]))} {GROUP_TITLES[name]}" for name in shown)
    return f"Of the {joules(abs(total))} {verb}: {named}."


def _slower(comparison: Comparison) -> str:
    first, last = comparison.rows[0].precision, comparison.rows[-1].precision
    slower = comparison.slower_ops
    if not slower:
        return f"No op takes more cycles in {last} than in {first}."
    share = percent(sum(op.cycles_after for op in slower), comparison.rows[-1].cycles)
    ops = "op takes" if len(slower) == 1 else "ops take"
    return f"{len(slower)} {ops} longer in {last} than in {first}, {share} of its time."


def _groups(comparison: Comparison, most: int, *, wide: bool) -> Table:
    """The groups of ops with a share of the time in either precision, and the others together."""
    first, last = comparison.rows[0], comparison.rows[-1]
    all_groups = groups(comparison.ops, lambda op: op.name)
    large = [
        group for group in all_groups
        if _before(group.members) >= LEAST * first.cycles or _after(group.members) >= LEAST * last.cycles
    ]  # fmt: skip
    top, _ = costliest(large, lambda op: op.cycles_before, most)
    bound = ("bound by",) if wide else ()
    table = new_table("ops, layers joined", first.precision, last.precision, "speed-up", *bound)
    for group in top:
        table.add_row(group.title, *_shares(comparison, group.members), *((_bound_by(group),) if wide else ()))
    rest = [op for group in all_groups if group not in top for op in group.members]
    if rest:
        table.add_row(f"{len(rest)} others", *_shares(comparison, rest))
    return table


def _before(ops: Sequence[ComparedOp]) -> int:
    return sum(op.cycles_before for op in ops)


def _after(ops: Sequence[ComparedOp]) -> int:
    return sum(op.cycles_after for op in ops)


def _shares(comparison: Comparison, ops: Sequence[ComparedOp]) -> tuple[str, str, str]:
    before, after = _before(ops), _after(ops)
    wholes = comparison.rows[0].cycles, comparison.rows[-1].cycles
    speedup = times_text(Fraction(before, after)) if after else ""
    return percent(before, wholes[0]), percent(after, wholes[1]), speedup


def _bound_by(group: Group[ComparedOp]) -> str:
    """The limits with which most of a group's cycles go, before and after."""
    before = usual_limit((op.limit_before, op.cycles_before) for op in group.members)
    after = usual_limit((op.limit_after, op.cycles_after) for op in group.members)
    return " → ".join(dict.fromkeys((before, after)))
