"""Changed runs as text: what else the chip, its prices or the workload could be, and what that changes."""

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from hwsim.report.headline_words import headline_text
from hwsim.report.numbers import figure
from hwsim.report.tables import Screen, new_table, render
from hwsim.results.band import ChangedRun
from hwsim.results.headline_figures import Headline


def changed_text(runs: Sequence[ChangedRun], title: Text, screen: Screen) -> str:
    """Each changed run beside the run as it is: its changes, what binds, and the figures that move."""
    blocks: list[Text | Table] = [title]
    for run in runs:
        blocks += [*_blocks(run)]
    return render((*blocks, Text("Both runs are planned anew. Op by op: --json each of them, then hwsim diff")), screen)


def _blocks(run: ChangedRun) -> Iterable[Text | Table]:
    yield Text.assemble("What if ", (changes_words(run), "bold"), f": {speed_words(run)}; {binding_words(run)}.")
    table = new_table("figure", "as it is", "what if", "times")
    before = dict(run.before)
    for what, after in sorted(run.after, key=lambda entry: list(Headline).index(entry[0])):
        if after != before[what] and not _repeated(run, what):
            times = figure(after / before[what]) if before[what] else ""
            table.add_row(what.label, headline_text(what, before[what]), headline_text(what, after), times)
    yield table if table.row_count else Text("No figure moves.")


def _repeated(run: ChangedRun, what: Headline) -> bool:
    """Whether a throughput says the same as the real-time factor above it."""
    if what is not Headline.THROUGHPUT_RTF:
        return False
    return all(dict(ends)[Headline.RTF] == dict(ends)[what] for ends in (run.before, run.after))


def changes_words(run: ChangedRun) -> str:
    """The changes, each with its value before and after."""
    return ", ".join(f"{change.path} were {change.after} instead of {change.before}" for change in run.changes)


def speed_words(run: ChangedRun) -> str:
    """How much faster or slower the changed run is."""
    before, after = dict(run.before)[Headline.LATENCY], dict(run.after)[Headline.LATENCY]
    if before == after:
        return "as fast as it is"
    if not before or not after:
        return f"{headline_text(Headline.LATENCY, before)} become {headline_text(Headline.LATENCY, after)}"
    return f"{figure(before / after)} times as fast"


def binding_words(run: ChangedRun) -> str:
    """What takes most of the time before and after."""
    if run.binds_before == run.binds_after:
        return f"most time still goes with {run.binds_after}"
    return f"then most time goes with {run.binds_after}, before with {run.binds_before}"
