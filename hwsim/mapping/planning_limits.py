"""How much a program may ask for: what is too much for any plan is refused before one is made."""

from hwsim.errors import Unsupported
from hwsim.hardware.chip import Chip
from hwsim.ir.op_table import op_spec
from hwsim.mapping.analysed_program import AnalysedProgram
from hwsim.mapping.lower import sized_runs
from hwsim.timing.encode_steps import LONGEST

MOST_OPS = 1 << 17
"""Ops of a program, each counted as often as it changes its sizes: planning takes time and memory for each of them."""


def check_limits(analysed: AnalysedProgram, chip: Chip) -> None:
    """Refuse what no schedule could do within the bounds of counting, and what would take too long to plan.

    Counted are the cycles of a run, and the products of an op.
    """
    name = f"{analysed.program.name} on {chip.name}"
    if analysed.size > MOST_OPS:
        raise Unsupported(
            f"{name}: its ops change their sizes {analysed.size:,} times, hwsim plans up to {MOST_OPS:,}; "
            "shorten the audio, or bound what grows with it"
        )
    peak = max(chip.array.macs_per_cycle(mode) for mode in chip.array.modes)
    cycles = 0
    for sized, times in sized_runs(analysed.nodes):
        products = op_spec(sized.op).macs(sized.op, sized.shape)
        if products > LONGEST:
            raise Unsupported(
                f"{sized.op.name} on {chip.name}: makes {products:,} products at once, hwsim counts to {LONGEST:,}; "
                "make it smaller"
            )
        if sized.on_array:
            cycles += times * -(-products // peak)
    if cycles > LONGEST:
        raise Unsupported(
            f"{name}: takes at least {cycles:,} cycles, hwsim counts to {LONGEST:,}; ask for less at a time"
        )
