"""An array with one fault, and what the definitions say against it."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from rtl.case import Case
from rtl.compare import Difference, differences
from rtl.grid import Mode, draw, mixed_lengths
from rtl.lcg import Lcg
from rtl.simulators import SOURCES, Simulator
from rtl.workbench import Workbench

_CASES_PER_MODE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A fault as the edit that makes it, and the modes that meet it.

    `early` ones start a tile a cycle before the hazard that its interval guards against is over.
    """

    name: str
    file: str
    old: str
    new: str
    modes: tuple[Mode, ...]
    early: bool = False

    def write(self, folder: Path) -> None:
        """Copies the arrays into a folder, with the fault."""
        shutil.copytree(SOURCES, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__", "run"))
        path = folder / self.file
        text = path.read_text()
        assert text.count(self.old) == 1, f"{self.file} holds {self.old!r} {text.count(self.old)} times, not once"
        path.write_text(text.replace(self.old, self.new))

    def cases(self) -> list[Case]:
        """Small ones, but with more than one row and column, so that every skew is there."""
        lcg = Lcg(5)
        drawn = [
            draw(lcg, mode, lcg.between(2, 3), lcg.between(2, 3), largest=12)
            for mode in self.modes
            for _ in range(_CASES_PER_MODE)
        ]
        mixed = [case for case in mixed_lengths() if self.early and Mode.of(case.array) in self.modes]
        return drawn + mixed

    def differences(self, folder: Path) -> list[Difference]:
        """The cases in which it is caught."""
        self.write(folder / "sources")
        workbench = Workbench(folder, Simulator.ICARUS, folder / "sources")
        return differences(workbench, self.cases())
