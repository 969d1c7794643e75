"""`hwsim check`: validate files without running anything."""

from itertools import product
from typing import TYPE_CHECKING

import click

from hwsim.cli.options import ANY, DIMENSIONS, dimensions
from hwsim.cli.paths import Command
from hwsim.cli.terminal import say, with_progress
from hwsim.errors import printable
from hwsim.quantities.plain_data import Progress

if TYPE_CHECKING:
    from hwsim.inputs.chips import AnyChip
    from hwsim.inputs.opened import Loaded
    from hwsim.ir.workload import Workload


@click.command(name="check", cls=Command)
@click.argument("files", type=ANY, nargs=-1, required=True, metavar="FILE...")
@DIMENSIONS
def command(files: tuple[str, ...], dims: tuple[str, ...]) -> None:
    """Validate each FILE: a chip, a workload, a price table or a DRAM device (or a shipped name).

    What is wrong is told in one line.

    Of a chip the peak of each mode is told, and what keeps it from more, and what its DRAM ports ask of the memory
    behind them, if it says which that is; a chip is refused if nothing runs on it. With chips and workloads together
    each workload is planned and priced on each chip, and what `hwsim run` would refuse is refused.

    Example: hwsim check arch/int4_array.yaml workloads/rnnt.yaml
    """
    from hwsim.cli.paths import told_of
    from hwsim.hardware.chip import Chip, Machine
    from hwsim.inputs.check import check
    from hwsim.inputs.chips import check_machine, device_of
    from hwsim.ir.workload import Workload
    from hwsim.report.dram_banks import needed_text
    from hwsim.report.peak import peak_text

    sizes = dimensions(dims)
    checked_files = [check(file, sizes) for file in files]
    chips = [checked.loaded for checked in checked_files if isinstance(checked.loaded.value, Machine)]
    works = [checked.loaded for checked in checked_files if isinstance(checked.loaded.value, Workload)]
    for chip in chips:
        check_machine(chip)
    for file, checked in zip(files, checked_files, strict=True):
        say(f"{printable(file)}: {checked.kind.title} {checked.name}: valid")
        chip_value = checked.loaded.value
        for line in told_of(chip_value):
            say(f"{checked.name}: {line}")
        if isinstance(chip_value, Chip):
            say(f"{checked.name} makes at most {peak_text(chip_value)}")
        if isinstance(chip_value, Machine) and (device := device_of(chip_value)) is not None:
            say(f"{checked.name}: {needed_text(chip_value, device)}")
    for chip, work in product(chips, works):
        _run(chip, work)
        say(f"{work.value.name} runs on {chip.value.name}")


def _run(chip: "Loaded[AnyChip]", work: "Loaded[Workload]") -> None:
    from hwsim.cli.paths import naming

    def job(progress: Progress) -> None:
        # Imported here because it compiles kernels on the first run after an installation.
        from hwsim.study.simulate import simulate

        with naming(chip, work):
            simulate(chip.value, work.value, progress=progress)

    with_progress(f"{work.value.name} on {chip.value.name}", job)
