"""Pages of the documentation that are made from the models themselves: `scripts/pages` writes them."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from hwsim.quantities.sources import ASSUMED, confidence
from hwsim.report.numbers import scaled
from hwsim.study.compression import CLOSE, Claim
from hwsim.study.sizes import POLICIES, PartSize

_HEAD = """# Shipped workloads

This page is written by `scripts/pages` from the workload files; a test holds it to them. Where a size comes from, or
that it is assumed, each file says of each field. Products are those of one utterance for each second of its audio,
search included. Bytes are packed weights, biases, norms, tables and their scales: under integer policies one fp32 scale
for each column of a weight and 32-bit biases and norms; under `w4a16g32` one scale for 32 weights and fp16 elsewhere.
"""


def workloads_page(workloads: Iterable[tuple[str, str, Sequence[PartSize], Mapping[str, str]]]) -> str:
    """Of each workload its name, what it is, its parts, and the sources of its fields."""
    blocks = [_HEAD]
    for name, about, parts, sources in workloads:
        rows = [(p.part, f"{p.parameters:,}", _products(p.products_per_second), *_bytes(p.stored_bytes)) for p in parts]
        totals = [sum(column) for column in zip(*(p.stored_bytes for p in parts), strict=True)]
        products = sum((p.products_per_second for p in parts), start=Fraction(0))
        rows.append(("**all**", f"{sum(p.parameters for p in parts):,}", _products(products), *_bytes(totals)))
        table = _table(("part", "parameters", "products / s", *POLICIES), rows)
        assumed = ", ".join(f"`{field}`" for field, source in sources.items() if confidence(source) == ASSUMED)
        blocks.append(f"## {name}\n\n{about}\n\n{table}\n\nAssumed: {assumed or 'nothing'}.\n")
    return "\n".join(blocks)


def compression_section(claims: Sequence[Claim]) -> str:
    """Published factors beside computed ones, misses kept."""
    rows = [
        (
            claim.system,
            f"{float(claim.published):g} ×",
            f"{float(claim.computed):.2f} ×",
            f"{100 * float(claim.error):+.1f} %",
            "under these assumptions" if claim.reproduced else "**not reached**",
            claim.baseline,
            claim.assumed,
            claim.closing,
        )
        for claim in claims
    ]
    columns = (
        "system",
        "published",
        "here",
        "error",
        f"reached within {100 * float(CLOSE):g} %",
        "baseline",
        "assumed",
        "closed by",
    )
    sources = "\n".join(f"- {claim.system}: {claim.source}" for claim in claims)
    return f"{_table(columns, rows)}\n\n{sources}\n"


def _bytes(counts: Sequence[int]) -> list[str]:
    return [scaled(count, "B") for count in counts]


def _products(per_second: Fraction) -> str:
    return scaled(float(per_second), "MAC")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [columns, ["---" if place == 0 else "---:" for place in range(len(columns))], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
