"""What is counted while an array makes one matrix product."""

from typing import Annotated

from hwsim.dataclass import dataclass
from hwsim.quantities.noun import Noun, Whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductFigures(Noun):
    """Counts of one matrix product on an array, memory never in the way; the keys of `hwsim gemm --json`.

    Cycles count up to the last product and up to the last result that leaves. `utilization` is the share of all
    products that the array could have made in `out_cycles`. `saturations` counts the additions whose exact sum a
    saturating register could not hold and clamped; what wraps is not counted.
    """

    mac_cycles: Annotated[int, Whole(low=1, high=2**63)]
    out_cycles: Annotated[int, Whole(low=1, high=2**63)]
    tiles: Annotated[int, Whole(low=1, high=2**63)]
    macs: Annotated[int, Whole(low=1, high=2**63)]
    utilization: float
    saturations: Annotated[int, Whole(high=2**63)]
