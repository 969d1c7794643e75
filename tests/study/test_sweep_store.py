"""The store loses and doubles nothing: killed at any moment, a sweep that goes on has the rows of one that was not."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hwsim.errors import FileProblem
from hwsim.inputs.load import load_workload
from hwsim.ir.workload import Workload
from hwsim.results.sweep import Status, SweepOutcome
from hwsim.results.sweep_file import SweepAxis
from hwsim.study.sweep.run import shown, sweep_points
from hwsim.study.sweep.store import is_begun, opened
from sweeps import LSTM, PRODUCTS, small_sweep

KILLS = 10
YAML = """
chips: [int4_array]
workloads: [products.yaml]
axes:
  - {fields: [array.rows, array.cols], range: 8..120+8}
  - {fields: dram.read, values: [8 GB/s, 16 GB/s]}
  - {fields: scratchpad.size, values: [16 B, 32 KiB, 64 KiB]}
where: [rtf < 1]
"""


def count(path: Path) -> int:
    """How many points of a store are not open."""
    try:
        with sqlite3.connect(path, timeout=5) as database:
            return int(database.execute("SELECT count(*) FROM points WHERE status != 'open'").fetchone()[0])
    except sqlite3.Error:
        return 0


def test_a_sweep_that_goes_on_has_the_rows_of_one_that_was_not_interrupted(tmp_path: Path) -> None:
    store = tmp_path / "sweep.sqlite"
    sweep = small_sweep()
    whole = sweep_points(sweep)

    class Stop(Exception):
        pass

    def stop(done: int, total: int) -> None:
        if done >= 5:
            raise Stop

    with pytest.raises(Stop):
        sweep_points(sweep, store=store, progress=stop)
    part = shown(sweep, store)
    assert 0 < part.done < whole.done
    assert sweep_points(sweep, store=store, resume=True) == whole == shown(sweep, store)


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_loses_and_doubles_nothing(tmp_path: Path) -> None:
    import json

    (tmp_path / "products.yaml").write_text(json.dumps(PRODUCTS))
    file = tmp_path / "sweep.yaml"
    file.write_text(YAML)
    command = [sys.executable, "-m", "hwsim", "sweep", str(file), "--workers", "1"]
    from hwsim.inputs.sweeps import open_sweep_file

    sweep, drawn = open_sweep_file(file), random.Random(5)
    whole = sweep_points(sweep)
    store, killed = tmp_path / "sweep.sqlite", 0
    while killed < KILLS:
        before = count(store)
        if before == whole.size:  # it was faster than its kills: from the beginning, with another moment
            store.unlink()
        process = subprocess.Popen([*command, "--resume"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        begun = time.monotonic()
        while process.poll() is None and count(store) <= before and time.monotonic() - begun < 120:
            time.sleep(0.005)
        time.sleep(drawn.uniform(0, 0.05))
        os.kill(process.pid, signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert not subprocess.run([*command, "--resume"], capture_output=True, check=True).stderr.count(b"Traceback")
    found = shown(sweep, store)
    assert found == whole
    assert found.open == 0
    assert found.refused == whole.refused > 0


def test_two_processes_do_not_fill_one_store(tmp_path: Path) -> None:
    store = tmp_path / "sweep.sqlite"
    sweep = small_sweep()
    sweep_points(sweep, store=store)
    with (
        opened(store, fill=True),
        pytest.raises(FileProblem, match="is being filled by another process; wait for it, or end it"),
    ):
        sweep_points(sweep, store=store, resume=True)
    assert sweep_points(sweep, store=store, resume=True).done == 12


def test_a_store_that_is_being_filled_is_shown(tmp_path: Path) -> None:
    store, seen = tmp_path / "sweep.sqlite", list[SweepOutcome]()
    sweep = small_sweep()

    def look(done: int, total: int) -> None:
        if done:
            seen.append(shown(sweep, store))

    sweep_points(sweep, store=store, progress=look)
    assert seen[0].open > 0
    assert seen[-1].open == 0


def test_a_store_is_not_begun_anew_nor_gone_on_with_by_another_sweep(tmp_path: Path) -> None:
    store = tmp_path / "sweep.sqlite"
    assert not is_begun(store)
    sweep_points(small_sweep(), store=store)
    with pytest.raises(FileProblem, match="is there already; --resume goes on with it, --show shows it"):
        sweep_points(small_sweep(), store=store)
    other = small_sweep(axes=(SweepAxis(fields="array.rows", values=(8, 16)),))
    with pytest.raises(FileProblem, match="was begun with another definition; give the sweep another store"):
        sweep_points(other, store=store, resume=True)
    with sqlite3.connect(store) as database:
        database.execute("UPDATE sweep SET value = '0.0.1' WHERE key = 'version.hwsim'")
    with pytest.raises(FileProblem, match="was begun with another version of hwsim"):
        sweep_points(small_sweep(), store=store, resume=True)


def test_what_is_no_store_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "sweep.sqlite"
    with pytest.raises(FileProblem, match="there is no such store"):
        shown(small_sweep(), store)
    store.write_text("chips: [int4_array]\n" * 100)
    with pytest.raises(FileProblem, match="is no store of a sweep that can be opened"):
        shown(small_sweep(), store)


def test_the_store_holds_definition_versions_and_every_point_with_its_status(tmp_path: Path) -> None:
    store = tmp_path / "sweep.sqlite"
    outcome = sweep_points(
        small_sweep(axes=(SweepAxis(fields="scratchpad.size", values=("16 B", "64 KiB")),)), store=store
    )
    with sqlite3.connect(store) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        told = dict(database.execute("SELECT key, value FROM sweep"))
        rows = database.execute('SELECT number, status, "axis: scratchpad.size", energy_aj FROM points').fetchall()
    assert {"definition", "version.hwsim", "version.numba"} <= set(told)
    assert rows == [
        (1, Status.REFUSED.value, "16 B", None),
        (2, Status.DONE.value, "64 KiB", str(outcome.rows[1].energy_aj)),
    ]


def test_signal_to_noise_is_worked_out_once_for_each_precision_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hwsim.study.sweep import quality

    made, real = list[str](), quality._sqnr

    def counted(work: Workload) -> float | None:
        made.append(work.formats)
        return real(work)

    monkeypatch.setattr(quality, "_sqnr", counted)
    store = tmp_path / "sweep.sqlite"
    sweep = small_sweep(load_workload(LSTM), best=("sqnr", "energy"), where=("sqnr > 5",))
    found = sweep_points(sweep, store=store)
    assert len(made) == 2
    by_precision = {dict(row.axes)["precision"]: dict(row.measured)["sqnr"] for row in found.rows}
    assert (by_precision["w8a8"] or 0) > (by_precision["w4a4"] or 0)
    best = found.answers[0].row
    assert dict(best.axes)["precision"] == "w8a8"
    assert shown(sweep, store) == found
    assert all(row.fits == ((dict(row.measured)["sqnr"] or 0) > 5) for row in found.rows)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return psutil_status(pid) != "zombie"


def psutil_status(pid: int) -> str:
    psutil = pytest.importorskip("psutil")
    try:
        return str(psutil.Process(pid).status())
    except psutil.NoSuchProcess:
        return "zombie"


@pytest.mark.slow
def test_workers_end_with_the_process_that_is_killed_and_the_sweep_goes_on(tmp_path: Path) -> None:
    import json

    psutil = pytest.importorskip("psutil")
    (tmp_path / "products.yaml").write_text(json.dumps(PRODUCTS))
    file = tmp_path / "sweep.yaml"
    file.write_text(YAML.replace("8..120+8", "4..124+2").replace("[8 GB/s, 16 GB/s]", "[4 GB/s, 8 GB/s, 16 GB/s]"))
    command = [sys.executable, "-m", "hwsim", "sweep", str(file), "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    store, begun = tmp_path / "sweep.sqlite", time.monotonic()
    while (process.poll() is None and len(psutil.Process(process.pid).children()) < 2) or count(store) < 20:
        assert time.monotonic() - begun < 200
        time.sleep(0.02)
    workers = [child.pid for child in psutil.Process(process.pid).children()]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    while any(map(alive, workers)):
        assert time.monotonic() - begun < 250
        time.sleep(0.05)
    subprocess.run([*command, "--resume"], capture_output=True, check=True)
    from hwsim.inputs.sweeps import open_sweep_file

    found = shown(open_sweep_file(file), store)
    assert found.open == 0
    assert found.rows == sweep_points(open_sweep_file(file)).rows


def test_a_store_is_shown_from_any_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from hwsim.cli.main import main

    (tmp_path / "products.yaml").write_text(json.dumps(PRODUCTS))
    monkeypatch.chdir(tmp_path)
    flags = ["--set", "array.rows=8,16", "--store", "s.sqlite"]
    assert main(["sweep", "int4_array", "products.yaml", *flags]) == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["sweep", "../s.sqlite", "--show"]) == 0
    (tmp_path / "products.yaml").write_text(json.dumps({**PRODUCTS, "precision": "w4a4"}))
    assert main(["sweep", "../s.sqlite", "--show"]) == 2
