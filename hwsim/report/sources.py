"""Where the constants of a run come from: what `--sources` prints, and how many have no source that was read."""

from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from hwsim.quantities.sources import ASSUMED, READ, confidence
from hwsim.report.tables import Screen, new_table, render
from hwsim.results.result import Result


@dataclass(frozen=True, slots=True)
class Known:
    """Parameters of chip and workload, and unit prices: of each how sure it is."""

    parameters: tuple[tuple[str, str], ...]
    prices: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, result: Result) -> "Known":
        """What a result says of its constants."""
        return cls(
            tuple((field, confidence(source)) for field, source in result.provenance.sources),
            tuple((unit.action, unit.sure.value) for unit in result.prices),
        )


def sources_text(result: Result, screen: Screen) -> str:
    """What is assumed, recalled or not said, one a line."""
    known = Known.of(result)
    return render((_listed("Parameters", known.parameters), _listed("Prices", known.prices)), screen)


def _listed(title: str, entries: tuple[tuple[str, str], ...]) -> Table:
    without = sum(sure != READ for _, sure in entries)
    title = f"{title} without a source that was read: {without} of {len(entries)}"
    table = new_table(title, "how sure")
    for name, sure in entries:
        if sure != READ:
            table.add_row(name, sure)
    return table


def without_a_source(result: Result) -> Text:
    """The same in one paragraph: what has no source, or one that was not looked up."""
    known = Known.of(result)
    parameters = [name + _mark(sure) for name, sure in known.parameters if sure != READ]
    doubtful = [f"{action} ({sure})" for action, sure in known.prices if sure != READ]
    return Text.assemble(
        ("Without a source\n", "bold"), f"parameters  {', '.join(parameters) or 'none'}\n",
        f"prices      {', '.join(doubtful) or 'none'}",
    )  # fmt: skip


def _mark(sure: str) -> str:
    return "" if sure == ASSUMED else f" ({sure})"


def doubt(result: Result) -> str:
    """How many constants have no source that was read."""
    known = Known.of(result)
    parameters, prices = _share_without(known.parameters), _share_without(known.prices)
    return f"{parameters} parameters and {prices} prices have no source that was read"


def _share_without(entries: tuple[tuple[str, str], ...]) -> str:
    return f"{sum(sure != READ for _, sure in entries)} of {len(entries)}"
