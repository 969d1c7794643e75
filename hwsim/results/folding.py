"""What was precomputed of a network: products saved, tables in their place, bytes before and after."""

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Name, Noun
from hwsim.quantities.precision import Precision
from hwsim.schedule.counters import Count


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedOp(Noun):
    """A product whose results are looked up: `ops` did the work before, in program order.

    Its table has so many rows, each of `row_bytes` in the format of the result. `gathered_bytes` are those of the rows
    that all runs look up, wherever the table lies; `replaced_bytes` are those of the parameters that `ops` read,
    `table_bytes` those of the table, both as stored, scales counted. `macs_at_load` are the products that filled the
    table, once, when the model was loaded: no run counts them.
    """

    op: Name
    ops: tuple[Name, ...]
    table: Name
    rows: Count
    precision: Precision
    row_bytes: Count
    runs: Count
    gathered_bytes: Count
    macs_saved: Count
    macs_at_load: Count
    replaced_bytes: Count
    table_bytes: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded(Noun):
    """All folded products, and the parameters of the whole network, language models included, before and after."""

    products: tuple[FoldedOp, ...]
    macs_saved: Count
    parameters_before: Count
    parameters_after: Count
    model_bytes_before: Count
    model_bytes_after: Count
