"""Model files: what reading and timing one takes, and its values beside onnxruntime's."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

import numpy as np

from benchmarks.measure import seconds
from hwsim.engine.values.calibration import QuantParamsTable
from hwsim.engine.values.evaluate import Given, quantised_ops, run_ops
from hwsim.inputs.load import open_workload
from hwsim.tensor.backend import ExactProducts
from hwsim.tensor.carried import Carried, real_parameters

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "conformer"
FLOAT, INT8, RECORDING = FOLDER / "conformer.onnx", FOLDER / "conformer_int8.onnx", FOLDER / "librivox_0880.npz"
TURNS = 5


def report() -> None:
    with np.load(RECORDING) as arrays:
        mel = arrays["mel"].astype(np.float32)
    _commands(mel.shape[1])
    _values(mel)


def _commands(frames: int) -> None:
    """Whole processes, in turn, after one that compiles."""
    dim = ["--dim", f"frames={frames}"]
    commands = {
        "imports": ["-c", "import numpy, numba, onnx"],
        FLOAT.stem: ["-m", "hwsim", "run", "int4_array", str(FLOAT), *dim],
        INT8.stem: ["-m", "hwsim", "run", "int4_array", str(INT8), *dim],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(TURNS + 1):
        for name, command in commands.items():
            spent = _cpu_of(command)
            if turn:
                taken[name].append(spent)
    imports = median(taken.pop("imports"))
    print(f"models: numpy, numba and onnx are imported in {imports:.2f} CPU-s")
    for name, each in taken.items():
        print(f"models: hwsim run int4_array {name}: {median(each):.2f} CPU-s, {median(each) / imports:.2f} times that")


def _cpu_of(command: list[str]) -> float:
    # Whoever uses hwsim has its bytecode; an environment may forbid to write it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *command], check=True, capture_output=True, env=environment)
    after = getrusage(RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _values(mel: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> None:
    """The int8 network on one recording, weights ready, one thread; onnxruntime where it is installed."""
    functions = {"hwsim": hwsim_values(mel), **onnxruntime_values(mel)}
    taken = seconds(functions)
    own = taken.pop("hwsim")
    print(f"models: values of {INT8.stem}, {mel.shape[1] / 100:.1f} s of audio: {own * 1e3:.1f} CPU-ms")
    for name, other in taken.items():
        print(f"models: {name} {other * 1e3:.1f} CPU-ms; hwsim takes {own / other:.2f} times that")


def hwsim_values(mel: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> Callable[[], object]:
    """All integers of the network, and its results."""
    work = open_workload(INT8, floats="fp32", heard={"mel": mel.shape}).value
    carried = work.carried
    assert isinstance(carried, Carried)
    (port,) = carried.inputs
    given = Given(
        parameters=real_parameters(carried, work.trained),
        inputs={port.view.tensor: mel.reshape(work.program.tensor(port.view.tensor).shape)},
    )
    ops = quantised_ops(work, given, QuantParamsTable(carried.grids, {}), ExactProducts())
    return lambda: run_ops(work, given, ops, ops.memory(given.inputs), None)


def onnxruntime_values(mel: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> dict[str, Callable[[], object]]:
    """With its optimisations, in integers; without, in single precision between quantisers."""
    try:
        import onnxruntime
    except ImportError:
        return {}

    def session(level: object) -> Callable[[], object]:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.graph_optimization_level = level
        made = onnxruntime.InferenceSession(str(INT8), options, providers=["CPUExecutionProvider"])
        return lambda: made.run(None, {"mel": mel})[0]

    levels = onnxruntime.GraphOptimizationLevel
    return {
        "onnxruntime": session(levels.ORT_ENABLE_ALL),
        "onnxruntime without optimisations": session(levels.ORT_DISABLE_ALL),
    }
