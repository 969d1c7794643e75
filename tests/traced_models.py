"""Traces of model files on given inputs, in single precision where nothing else is said."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hwsim.inputs.load import open_workload
from hwsim.report.files import write_binary
from hwsim.results.measured import Sources
from hwsim.study.values import prepared, run_values

Array = np.ndarray[Any, Any]


def traced_file(
    file: Path,
    arrays: Mapping[str, Array],
    folder: Path,
    dims: Mapping[str, int] | None = None,
    precision: str | None = None,
) -> dict[str, Array]:
    """The trace of a model on these inputs, which say the sizes that nobody else does; files go into a folder."""
    given, out = folder / "in.npz", folder / "T.npz"
    np.savez(given, **dict(arrays))  # type: ignore[arg-type]  # names of arrays
    heard = {name: values.shape for name, values in arrays.items()}
    work = open_workload(file, precision, dims, floats="fp32", heard=heard).value
    sources = Sources(input=given if arrays else None, weights=None, seed=0, packed=False)
    run_values(prepared(work, sources), sources, write=lambda writer: write_binary(out, writer))
    with np.load(out) as leaves:
        return dict(leaves)
