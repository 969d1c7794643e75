"""A run beside the banks of its DRAM: nothing of the run changes, nothing is lost, energy is counts times prices."""

from dataclasses import fields, replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

import hwsim
from hwsim.errors import InvalidValue, Unsupported
from hwsim.hardware.chip import Chip
from hwsim.inputs.files import Kind, names
from hwsim.inputs.load import load_device
from hwsim.ir.workload import Workload
from hwsim.price.dram_commands import command_prices
from hwsim.report.dram_banks import dram_banks_text, needed_text
from hwsim.report.export import run_files, to_json
from hwsim.report.tables import Screen
from hwsim.results.dram_banks import BankReplay
from hwsim.results.result import Result
from hwsim.timing.banks import layout
from hwsim.timing.transfers import DramTransfers

MANY = 10**9


@cache
def products() -> Workload:
    listed = [{"name": name, "m": 300, "k": 700, "n": 500} for name in ("first", "second")]
    return hwsim.load_workload(
        {"name": "listed", "kind": "gemms", "audio": "1 s", "precision": "w8a8", "products": listed}
    )


@cache
def ran(bursts: int | None = MANY, chip: str = "int4_array") -> Result:
    return hwsim.simulate(hwsim.load_chip(chip), products(), dram_bursts=bursts)


def replayed(bursts: int = MANY, chip: str = "int4_array") -> BankReplay:
    replay = ran(bursts, chip).dram_banks
    assert replay is not None
    return replay


@pytest.mark.parametrize("chip", ["int4_array", "gemmini"])
def test_a_replay_changes_nothing_of_a_run(chip: str) -> None:
    assert replace(ran(chip=chip), dram_banks=None) == ran(None, chip)


@pytest.mark.parametrize("chip", ["int4_array", "gemmini"])
def test_a_replay_moves_the_bytes_of_the_run(chip: str) -> None:
    """In whole bursts, which are no fewer bytes."""
    replay, summary = replayed(chip=chip), ran(chip=chip).summary
    assert (replay.read_bytes, replay.write_bytes) == (summary.dram_read_bytes, summary.dram_write_bytes)
    assert replay.transfers == replay.all_transfers
    assert replay.bursts * replay.burst_bytes >= replay.bytes
    assert replay.seconds >= summary.cycles / hwsim.load_chip(chip).clock
    assert replay.busy_seconds <= replay.seconds
    assert replay.bandwidth == pytest.approx(replay.bytes / replay.busy_seconds)
    assert replay.bus.total == replay.commands.open_cycles + replay.commands.closed_cycles
    assert replay.commands.activates == replay.commands.precharges + replay.commands.open_rows
    assert replay.row_hits + replay.row_misses + replay.row_conflicts == replay.bursts


def test_a_replay_stops_after_so_many_bursts() -> None:
    part, whole = replayed(1000), replayed()
    assert 1000 <= part.bursts < whole.bursts
    assert part.transfers < part.all_transfers == whole.all_transfers
    assert f"the first {part.transfers:,} of {part.all_transfers:,} transfers" in " ".join(
        dram_banks_text(part, Screen()).split()
    )


def test_energy_is_counts_times_prices() -> None:
    replay = replayed()
    commands, energy = replay.commands, replay.energy
    assert energy is not None
    unit = dict(energy.unit_aj)
    assert unit == command_prices(load_device("lpddr4_3200"))
    assert energy.activate_aj == commands.activates * unit["activate"]
    assert energy.read_aj == commands.reads * unit["read burst"]
    assert energy.write_aj == commands.writes * unit["write burst"]
    assert energy.refresh_aj == commands.refreshes * unit["refresh"]
    standby = commands.open_cycles * unit["open cycle"] + commands.closed_cycles * unit["closed cycle"]
    assert energy.standby_aj == standby
    parts = (energy.activate_aj, energy.read_aj, energy.write_aj, energy.refresh_aj, energy.standby_aj)
    assert energy.total_aj == sum(parts)
    byte = next(price for price in ran().prices if price.action == "dram byte")
    assert energy.flat_aj == replay.bytes * byte.attojoules


def test_prices_of_commands_by_hand() -> None:
    """LPDDR4 at 1.6 GHz; DDR4 with four chips. In milliamperes times volts, cycles of 0.625 ns."""
    lpddr4, ddr4 = command_prices(load_device("lpddr4_3200")), command_prices(load_device("ddr4_3200"))
    assert lpddr4 is not None
    assert ddr4 is not None

    def aj(milliwatt_cycles: Fraction) -> int:
        return round(milliwatt_cycles * Fraction(625, 1000) * 10**6)

    mw = Fraction
    assert lpddr4["read burst"] == aj(8 * (mw("1.1") * (275 - 30) + mw("1.1") * (150 - mw("0.75"))))
    assert lpddr4["write burst"] == aj(8 * (mw("1.1") * (210 - 30) + mw("1.1") * (55 - mw("0.75"))))
    assert lpddr4["refresh"] == aj(448 * (mw("1.8") * (10 - 2) + mw("1.1") * (90 - 27)))
    first = mw("1.8") * (mw("3.5") * 97 - mw("2.25") * 68 - 2 * 29)
    assert lpddr4["activate"] == aj(first + mw("1.1") * (45 * 97 - 30 * 68 - 27 * 29))
    assert lpddr4["open cycle"] == aj(mw("1.8") * mw("2.25") + mw("1.1") * 30 + mw("1.1") * mw("0.75"))
    assert ddr4["read burst"] == aj(4 * 4 * mw("1.2") * (302 - 56))
    assert ddr4["closed cycle"] == aj(4 * mw("1.2") * 37)
    assert command_prices(load_device("lpddr5_6400")) is None


def test_a_replay_reads_back_as_it_was() -> None:
    for chip in ("int4_array", "gemmini"):
        written = to_json(ran(chip=chip))
        assert hwsim.load_result(written) == ran(chip=chip)
        assert to_json(hwsim.load_result(written)) == written
    header, row, end = run_files(ran())["dram_banks.csv"].split("\n")
    assert end == ""
    assert {f.name for f in fields(BankReplay)} - {"sources"} == {name.partition(".")[0] for name in header.split(",")}
    assert f",{replayed().bandwidth}," in row


def test_without_currents_there_is_no_energy() -> None:
    chip = hwsim.load_chip("int4_array").with_(**{"dram.device": "lpddr4_4266", "dram.channels": 8})
    replay = hwsim.simulate(chip, products(), dram_bursts=1000).dram_banks
    assert replay is not None
    assert replay.energy is None
    assert replay.type.value == "lpddr4"
    assert "Energy" not in dram_banks_text(replay, Screen())


def test_a_run_that_has_no_banks_is_refused_a_replay() -> None:
    bare = hwsim.load_chip("int4_array").with_(**{"dram.device": None, "dram.channels": 1})
    with pytest.raises(Unsupported, match=r"dram.device: is not given, .*; known: ddr4_3200, hbm2_2000, lpddr4_3200"):
        hwsim.simulate(bare, products(), dram_bursts=1)
    with pytest.raises(Unsupported, match="dram_bursts on hermes: its weights stand on tiles"):
        hwsim.simulate(hwsim.load_analog_chip("hermes"), products(), dram_bursts=1)
    for wrong in (0, -1, True, 1.5):
        with pytest.raises(InvalidValue, match=r"dram_bursts = .*: must be a whole number of at least 1"):
            hwsim.simulate(hwsim.load_chip("int4_array"), products(), dram_bursts=wrong)  # type: ignore[arg-type]


def test_tensors_lie_one_after_another_each_from_the_first_channel_on() -> None:
    """A prefix lies where its tensor does; what is known of a tensor counts, else what a run of an op moves."""
    device = load_device("ddr4_3200")
    moved = np.array([100, 5000, 70], np.int64)
    none = np.zeros(0, np.int64)
    transfers = DramTransfers(
        ("weight", "input", "weight[:7]"), none, none, none > 0, np.zeros(1, np.int64), none, none, moved, 0, 0
    )
    placed = layout(transfers, {"weight": 700, "elsewhere": 10**6}, device, 3)
    assert placed.base.tolist() == [0, 4 * 3 * 64, 0]
    assert placed.length.tolist() == [700, 5000, 70]


@pytest.mark.parametrize("name", [name for name in names(Kind.ARCH) if name not in ("carat", "spyre")])
def test_shipped_chips_ask_no_more_than_their_memories_can_give(name: str) -> None:
    """But for carat, whose published bandwidth is the peak of a stack, and spyre, which names no memory: it has LPDDR5,
    and is priced as LPDDR4."""
    chip = (hwsim.load_chip if name not in ("hermes", "analog_pcm") else hwsim.load_analog_chip)(name)
    assert not isinstance(chip.dram.device, str)
    assert chip.dram.device is not None
    assert chip.dram.needed <= chip.dram.device.best_share * chip.dram.channels * chip.dram.device.peak
    assert "refreshes alone" not in needed_text(chip, chip.dram.device)


def test_a_bandwidth_beyond_what_refreshes_leave_is_told() -> None:
    chip: Chip = hwsim.load_chip("int4_array").with_(**{"dram.device": "lpddr4_4266", "dram.channels": 8})
    assert not isinstance(chip.dram.device, str)
    assert chip.dram.device is not None
    assert needed_text(chip, chip.dram.device) == (
        "its DRAM port asks for 64.0 GB/s, 93.8 % of the 68.3 GB/s of 8 channels of lpddr4, 128 bits at 4266 MT/s; "
        "refreshes alone leave 92.8 % of it: lower the bandwidth, or give more channels"
    )


@pytest.mark.slow
def test_the_memory_of_int4_array_sustains_what_it_asks_for_and_half_as_many_faster_wires_do_not() -> None:
    work, shipped = hwsim.load_workload("tdnnf_7q"), hwsim.load_chip("int4_array")
    narrow = shipped.with_(**{"dram.device": "lpddr4_4266", "dram.channels": 8})
    wide, tight = (hwsim.simulate(chip, work, dram_bursts=MANY).dram_banks for chip in (shipped, narrow))
    assert wide is not None
    assert tight is not None
    assert wide.bytes == tight.bytes
    assert tight.sustained_bandwidth < shipped.dram.read < tight.peak_bandwidth
    assert shipped.dram.read < wide.sustained_bandwidth < 0.9 * wide.peak_bandwidth
