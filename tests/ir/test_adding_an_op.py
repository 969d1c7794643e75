"""A kind of op in one file of its own goes through every room; the file is the one that the documentation shows."""

import importlib
import re
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from data import ROOT
from hwsim.engine.values.floats import FLOAT_KINDS
from hwsim.engine.values.integers import INTEGER_KINDS
from hwsim.engine.values.trace import TRACED_KINDS
from hwsim.errors import InvalidValue, Unsupported
from hwsim.ir.op_table import OP_TABLE
from hwsim.ir.program import Program
from hwsim.ir.tensor import Role
from hwsim.ir.view import View
from hwsim.mapping.row_work import ROW_KINDS
from hwsim.mapping.tiles.row_kinds import TILE_ROWS
from hwsim.mapping.tiles.run import planned_on_tiles
from hwsim.quantities.precision import Precision
from hwsim.report.export import run_files
from hwsim.report.op_styles import OP_STYLES
from hwsim.report.plots.sets import quality_drawing
from hwsim.study.simulate import simulate
from strategies.analog_chips import analog_chip
from strategies.chips import chip
from strategies.kinds import traced_alone, workload_of
from strategies.programs import program, tensor

TABLES = (OP_TABLE, ROW_KINDS, TILE_ROWS, FLOAT_KINDS, INTEGER_KINDS, TRACED_KINDS, OP_STYLES)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A package with nothing but the page's file in it."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "adding_an_op.md").read_text(), flags=re.DOTALL)
    folder = tmp_path / "more_ops"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "reverse.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("more_ops.reverse")
    for name in ("more_ops", "more_ops.reverse"):
        del sys.modules[name]


def reversing(package: ModuleType, rows: int, columns: int, precision: Precision = Precision.INT8) -> Program:
    op = package.Reverse(name="turn.round", read=View(tensor="x"), write=View(tensor="out"))
    made = [
        tensor("x", rows, columns, precision=precision, role=Role.INPUT),
        tensor("out", rows, columns, precision=precision, role=Role.OUTPUT),
    ]
    return program(op, made)


def test_a_kind_in_one_file_is_mapped_timed_and_priced(package: ModuleType) -> None:
    with package.registered():
        result = simulate(chip(), workload_of(reversing(package, 40, 30)))
    (op,) = result.ops
    assert (op.kind, op.macs, op.dram_read_bytes, op.dram_write_bytes) == ("reverse", 0, 40 * 30, 40 * 30)
    assert op.busy_cycles.vector > 0
    assert op.cycles > 0
    assert op.energy_aj > 0
    assert ",reverse," in run_files(result)["ops.csv"]


def test_a_kind_in_one_file_runs_beside_analog_tiles(package: ModuleType) -> None:
    with package.registered():
        (op,) = planned_on_tiles(reversing(package, 40, 30), analog_chip()).ops
    assert (op.kind, op.rows, op.work.dram_read_bytes, op.work.dram_write_bytes) == ("reverse", 40, 40 * 30, 40 * 30)


@pytest.mark.parametrize("precision", [Precision.INT8, Precision.INT4, Precision.FP16])
def test_a_kind_in_one_file_has_values_and_a_trace(package: ModuleType, precision: Precision, tmp_path: Path) -> None:
    with package.registered():
        given, trace, quality = traced_alone(reversing(package, 4, 6, precision), tmp_path)
    assert [op.kind for op in quality.ops] == ["reverse"]
    out = trace["turn.round/out"].astype(np.float64)
    if not precision.floating:
        out = (out - trace["turn.round/out_zero"]) * trace["turn.round/out_scale"].astype(np.float64)
    step = float(np.abs(given["x"]).max()) / (2 ** (precision.bits - 1) - 1) if not precision.floating else 1e-2
    np.testing.assert_allclose(out, given["x"][:, ::-1], atol=step)
    assert not np.allclose(out, given["x"], atol=step)


def test_a_kind_in_one_file_is_drawn_in_its_own_colour(package: ModuleType, tmp_path: Path) -> None:
    with package.registered():
        _, _, quality = traced_alone(reversing(package, 4, 6), tmp_path)
        ops = tuple(replace(op, lost_db=1.0) for op in quality.ops)
        (legend,) = quality_drawing("turned", replace(quality, ops=ops)).canvas().figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["reverse"]


def test_a_kind_s_own_law_of_shapes_holds(package: ModuleType) -> None:
    with package.registered():
        good = reversing(package, 4, 6)
        narrower = tensor("out", 4, 5, role=Role.OUTPUT), good.tensor("x")
        with pytest.raises(InvalidValue, match=r"turns \(4, 6\) into \(4, 5\), which has another shape"):
            replace(good, tensors=narrower)


def test_rows_are_taken_back(package: ModuleType) -> None:
    before = [list(table) for table in TABLES]
    with package.registered():
        assert all(package.Reverse in list(table) for table in TABLES)
        with pytest.raises(Unsupported, match="programs know ops of the kind 'reverse' already"), package.registered():
            pass
    assert [list(table) for table in TABLES] == before


def entered(room: Any, package: ModuleType, folder: Path) -> None:
    """Goes through the room of a table, and through those before it."""
    made = reversing(package, 4, 6)
    if room is ROW_KINDS:
        simulate(chip(), workload_of(made))
    elif room is TILE_ROWS:
        planned_on_tiles(made, analog_chip())
    elif room is not OP_TABLE:
        quality = traced_alone(made, folder)[2]
        quality_drawing("turned", quality).canvas()


@pytest.mark.parametrize("lacking", TABLES, ids=[table.room for table in TABLES])
def test_a_room_without_a_row_names_itself_and_the_kind(
    lacking: Any, package: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lacking, "registered", lambda kind, row: nullcontext())
    message = f"{lacking.room} know no ops of the kind 'reverse', but [a-z, ]*; register a row"
    with package.registered(), pytest.raises(Unsupported, match=message):
        entered(lacking, package, tmp_path)


def test_an_op_of_the_array_must_be_a_product_that_the_mapper_knows(package: ModuleType) -> None:
    on_array = replace(package.REVERSE, on_array=lambda op, shape: True)
    with (
        OP_TABLE.registered(package.Reverse, on_array),
        pytest.raises(Unsupported, match=r"turn\.round.*mappers know no ops of the kind 'reverse' on the array"),
    ):
        simulate(chip(), workload_of(reversing(package, 4, 6)))


def test_another_class_of_the_same_name_is_another_kind(package: ModuleType) -> None:
    """Rows are those of a class; results name a kind, so that no two may have one name."""
    other = type("Reverse", (package.Reverse,), {"__slots__": ()})
    with package.registered():
        op = other(name="other", read=View(tensor="x"), write=View(tensor="out"))
        with pytest.raises(Unsupported, match=r"programs know no ops of the kind 'reverse', but .*reverse; "):
            OP_TABLE.of(op)
        with pytest.raises(Unsupported, match="programs know ops of the kind 'reverse' already; give the new kind"):
            OP_TABLE.register(other, package.REVERSE)
