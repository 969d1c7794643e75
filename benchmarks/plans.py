"""How good plans of single products are: beside the best of all blocks, orders and slots."""

import os
from random import Random

from hwsim.hardware.chip import Chip
from hwsim.inputs.chips import load_chip, prices_of
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Workload
from hwsim.mapping.planner import Planner
from hwsim.quantities.plain_data import Objective
from hwsim.study.efficiency import aim_of
from hwsim.timing.timeline import times
from witnesses.block_search import best_of

CASES = int(os.environ.get("HWSIM_CASES", "200"))
SEED = 1
ROWS = (16, 32, 64, 128)
SPEECH = ((64, 125, 250, 500, 1000, 2000), (80, 128, 256, 320, 512, 640, 1024, 2048, 2560, 4096))
"""Frames, and widths of layers."""


def report() -> None:
    """Prints how far plans are from the best cut, in time and in bytes."""
    rng = Random(SEED)
    fastest, taken, moved, cuts = [], [], [], 0
    for _ in range(CASES):
        chip, work = drawn_chip(rng), drawn_product(rng)
        best = best_of(work.program, chip)
        if best is None:
            continue
        aim = aim_of(Objective.LATENCY, chip, prices_of(chip))
        planned = Planner(chip, aim).plan(work.program)
        (op,) = planned.schedule.ops
        fastest.append(times(Planner(chip).plan(work.program).schedule).cycles / best.cycles)
        taken.append(times(planned.schedule).cycles / best.cycles)
        moved.append((op.work().dram_read_bytes + op.work().dram_write_bytes) / best.bytes)
        cuts += best.cuts
    print(f"\nPlans of {len(moved)} drawn products of speech beside {cuts:,} cuts into blocks, orders and slots")
    print("                            equal   within 2 %  within 10 %  within 30 %   worst")
    for what, ratios in (
        ("cycles of the fastest", fastest),
        ("cycles of the one taken", taken),
        ("bytes of the one taken", moved),
    ):
        print(f"  {what:23s} {_shares(ratios)} {max(ratios):8.3f}")


def _shares(ratios: list[float]) -> str:
    """How many of the ratios are at most 1, and little more."""
    limits = (1.0, 1.02, 1.1, 1.3)
    return " ".join(f"{100 * sum(ratio <= limit for ratio in ratios) / len(ratios):8.1f} %  " for limit in limits)


def drawn_chip(rng: Random) -> Chip:
    """An array of any dataflow, and a scratchpad and DRAM that are large or small for it."""
    side = rng.choice(ROWS)
    return load_chip("int4_array").with_(
        **{
            "array.rows": side,
            "array.cols": side,
            "array.dataflow": rng.choice(("ws", "is", "os")),
            "vector.lanes": 4 * side,
            "scratchpad.size": f"{rng.choice((8, 16, 32, 64)) * side} KiB",
            "scratchpad.read": f"{4 * side} B/cycle",
            "scratchpad.write": f"{4 * side} B/cycle",
            "dram.read": f"{rng.choice((1, 4, 16, 64, 256))} GB/s",
            "dram.write": f"{rng.choice((1, 4, 16, 64, 256))} GB/s",
            "dram.shared_port": False,
        }
    )


def drawn_product(rng: Random) -> Workload:
    """One product of a layer of a speech network."""
    frames, widths = SPEECH
    sizes = {"m": rng.choice(frames), "k": rng.choice(widths), "n": rng.choice(widths)}
    precision = rng.choice(("fp16", "w8a8", "w4a8", "w4a4"))
    return load_workload(
        {"name": "product", "kind": "gemms", "precision": precision, "products": [{"name": "p", **sizes}]}
    )
