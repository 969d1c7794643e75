"""Bit-exact runs of quantised encoders, against how long the audio lasts."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from hwsim.engine.values.evaluate import Given, grids_of, run_floats
from hwsim.engine.values.integers import IntegerOps
from hwsim.engine.values.recurrent import RecurrentLoops
from hwsim.engine.values.seeded import inputs_from, parameters_from
from hwsim.engine.values.walk import run_nodes
from hwsim.inputs.load import load_workload
from hwsim.ir.nodes import Loop, Node
from hwsim.ir.workload import Workload
from hwsim.tensor.backend import ExactProducts

NETWORKS = (("rnnt", "w4a4"), ("conformer_l", "w4a8"), ("tdnnf_7q", "w4a8"))
REPEATS = 3


def report() -> None:
    """One line for each network: ten seconds of audio, weights and scales ready, one thread and two."""
    for name, precision in NETWORKS:
        work = load_workload(name, precision)
        given = Given(parameters=parameters_from(work.program, 0), inputs=inputs_from(work.program, 0))
        encoder = tuple(_encoder(work))
        with TemporaryDirectory() as folder:
            floats = run_floats(work, given, Path(folder), ExactProducts(), only=encoder)
            grids = grids_of(work, given, floats)
        times = []
        for threads in (1, 2):
            ops = IntegerOps(work.program, given.parameters, grids, ExactProducts(threads))
            runs = []
            for _ in range(REPEATS + 1):  # the first one packs the weights
                memory = ops.memory(given.inputs)
                wall, cpu = perf_counter(), process_time()
                run_nodes(encoder, memory, {}, ops.run, RecurrentLoops(ops))
                runs.append((perf_counter() - wall, process_time() - cpu))
            times.append(sorted(runs[1:])[REPEATS // 2])
        audio = float(work.audio_seconds)
        (one, one_cpu), (two, two_cpu) = times
        print(
            f"values {name} {precision}: {audio:.0f} s of audio in {one:.2f} s on one thread ({one_cpu:.2f} CPU-s), "
            f"{two:.2f} s on two ({two_cpu:.2f} CPU-s): {audio / two:.1f} times faster than the audio"
        )


def _encoder(work: Workload) -> Iterator[Node]:
    """All but the search."""
    for node in work.program.body:
        if isinstance(node, Loop) and node.name.startswith("search."):
            return
        yield node
