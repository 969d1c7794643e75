"""Tables of a page that reports of several kinds have: prices, assumptions, provenance."""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from hwsim.hardware.prices import UnitPrice
from hwsim.quantities.plain_data import READ, confidence
from hwsim.report.numbers import component_name
from hwsim.report.page.sheet import Cell, Line, Listing
from hwsim.results.result import Provenance


def flat_lines(rows: Iterable[Sequence[Cell]]) -> list[Line]:
    """Lines that fold into nothing."""
    return [Line(tuple(row)) for row in rows]


def prices_listing(prices: Sequence[UnitPrice]) -> Listing:
    """Each price with what it is made of, how sure it is, and its sources."""
    return Listing(
        name="prices",
        short="Prices",
        title="Price list",
        columns=("action", "component", "pJ", "made of", "how sure", "sources"),
        lines=flat_lines(
            (
                Cell(unit.action),
                Cell(component_name(unit.component.value)),
                Cell(f"{Decimal(unit.attojoules).scaleb(-6):,f}", float(unit.exact)),
                Cell(unit.basis),
                Cell(unit.sure.value + (", overridden" if unit.overridden else "")),
                Cell("; ".join(unit.sources)),
            )
            for unit in prices
        ),
    )


def assumptions_listing(provenance: Provenance) -> Listing:
    """Each constant of chip and workload with its source, those without one that was read first."""
    sources = sorted(provenance.sources, key=lambda entry: confidence(entry[1]) == READ)
    without = sum(confidence(source) != READ for _, source in sources)
    return Listing(
        name="assumptions",
        short="Assumptions",
        title="Assumptions and sources",
        note=f"{without} of {len(sources)} parameters of chip and workload have no source that was read.",
        columns=("parameter", "how sure", "source"),
        lines=flat_lines((Cell(field), Cell(confidence(source)), Cell(source)) for field, source in sources),
    )


def provenance_pairs(provenance: Provenance) -> list[tuple[str, str]]:
    """Versions, hashes, engine and seed."""
    return [
        *((f"version of {name}", value) for name, value in provenance.versions),
        *((f"{name} as understood", value) for name, value in provenance.inputs),
        *((f"file {name}", value) for name, value in provenance.files),
        ("engine", provenance.engine.value),
        *([] if provenance.seed is None else [("seed", str(provenance.seed))]),
    ]
