"""The same layers on hwsim and on SCALE-Sim: CPU seconds of both in one run, and whether the columns agree.

    python -m benchmarks.scalesim [--python PYTHON] [--layer M K N]

PYTHON is the interpreter of an environment in which `scalesim` is installed, by default the one that runs this.
SCALE-Sim 3.0.0 needs numpy 1 and hwsim a newer one, so it is as a rule another: python3 -m venv there,
there/bin/pip install scalesim 'numpy<2' 'pandas<3'. Without it only hwsim is measured.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

from hwsim.scalesim.config import open_config
from hwsim.scalesim.counts import layer_counts
from hwsim.scalesim.nouns import ScaleSimConfig, ScaleSimLayer
from hwsim.scalesim.run import run_scalesim
from hwsim.scalesim.topology import open_topology

EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "scalesim"
CONFIG, CONFORMER = EXAMPLES / "scale.cfg", EXAMPLES / "conformer_m.csv"
REPEATS = 15

# Runs in the other environment: one layer, its CPU seconds without imports, and its report.
THERE = """
import contextlib, csv, io, json, sys, time
from scalesim.scale_sim import scalesim
config, topology, layout, out = sys.argv[1:]
start = time.process_time()
with contextlib.redirect_stdout(io.StringIO()):
    run = scalesim(save_disk_space=True, verbose=False, config=config, topology=topology, layout=layout,
                   input_type_gemm=True)
    run.run_scale(top_path=out)
seconds = time.process_time() - start
def row(report):
    with open(f"{out}/{run.config.get_run_name()}/{report}") as file:
        return [cell.strip() for cell in list(csv.reader(file))[1]]
compute, access = row("COMPUTE_REPORT.csv"), row("DETAILED_ACCESS_REPORT.csv")
columns = dict(cycles=compute[2], mapping_eff_pct=compute[5], compute_util_pct=compute[6], sram_ifmap_reads=access[3],
               sram_filter_reads=access[6], sram_ofmap_writes=access[9], dram_ifmap_reads=access[12],
               dram_filter_reads=access[15])
print(json.dumps({"seconds": seconds, "columns": {name: float(value) for name, value in columns.items()}}))
"""


def main() -> int:
    """Measure and print; 1 if the columns differ."""
    options = _options()
    config, encoder = open_config(str(CONFIG)).value, open_topology(str(CONFORMER)).layers
    columns = _seconds(lambda: [layer_counts(config, layer) for layer in encoder])
    everything = _seconds(lambda: run_scalesim(config, encoder))
    print(f"Conformer-M encoder of 200 frames, {len(encoder)} layers on {config.rows} × {config.cols}, CPU time")
    print(f"  hwsim, SCALE-Sim's columns of every layer   {1000 * columns:.2f} ms")
    print(f"  hwsim, columns, timeline, energy, report    {1000 * everything:.1f} ms")

    m, k, n = options.layer
    layer = ScaleSimLayer(name="layer", m=m, k=k, n=n)
    one, whole = _seconds(lambda: layer_counts(config, layer)), _seconds(lambda: run_scalesim(config, [layer]))
    print(f"one layer, M {m}, K {k}, N {n}")
    print(f"  hwsim, SCALE-Sim's columns                  {1e6 * one:.0f} µs")
    print(f"  hwsim, columns, timeline, energy, report    {1000 * whole:.1f} ms")
    there = _scalesim(options.python, layer)
    if there is None:
        print(f"  scalesim: not runnable with {options.python}; name another interpreter with --python")
        return 0
    seconds, found = there
    print(f"  scalesim                                    {seconds:.2f} s")
    print(f"  ratio                                       {seconds / one:,.0f} (columns), {seconds / whole:,.0f} (all)")
    return _compare(config, layer, found)


def _compare(config: ScaleSimConfig, layer: ScaleSimLayer, found: dict[str, float]) -> int:
    ours = layer_counts(config, layer)
    differing = [name for name, value in found.items() if getattr(ours, name) != value]
    print(f"  columns                                     {', '.join(differing) or 'all equal'}")
    return 1 if differing else 0


def _scalesim(python: str, layer: ScaleSimLayer) -> tuple[float, dict[str, float]] | None:
    """CPU seconds and report of SCALE-Sim, or None where it does not run."""
    with TemporaryDirectory() as folder:
        topology, layout = Path(folder) / "topology.csv", Path(folder) / "layout.csv"
        topology.write_text(f"Layer,M,N,K,\n{layer.name},{layer.m},{layer.n},{layer.k},\n")
        layout.write_text(f"Layer,a,b,\n{layer.name},1,1,\n")
        command = [python, "-c", THERE, str(CONFIG), str(topology), str(layout), folder]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
        except OSError:
            return None
    if done.returncode:
        print(f"  scalesim: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}")
        return None
    answer = json.loads(done.stdout)
    return answer["seconds"], answer["columns"]


def _seconds(job: Callable[[], object]) -> float:
    """CPU seconds of a job, the median of several runs after one that compiles."""
    job()
    spent = []
    for _ in range(REPEATS):
        start = process_time()
        job()
        spent.append(process_time() - start)
    return median(spent)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scalesim", description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="an interpreter that can import scalesim")
    parser.add_argument("--layer", type=int, nargs=3, default=(200, 256, 1024), metavar=("M", "K", "N"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
