"""SCALE-Sim's configuration files: any of the section layouts that it ships, as a `ScaleSimConfig`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any, TypeVar

from hwsim.arrays.systolic.elements import Dataflow
from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, shown, suggestion
from hwsim.inputs.files import TextFile, read_text
from hwsim.scalesim.nouns import Interface, ScaleSimConfig
from hwsim.scalesim.sections import Section, read_sections

T = TypeVar("T")

ARRAY = "architecture_presets"
_DIGITS = re.compile(r"[+-]?\d{1,18}")
_TRUTHS = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}

# Every entry of every section that SCALE-Sim reads or ships. Entries that no count depends on are left alone:
# addresses, banks and queues of traces, and the topology, which the command line names.
KNOWN: Mapping[str, tuple[str, ...]] = {
    "general": ("run_name",),
    ARRAY: (
        "ArrayHeight", "ArrayWidth", "IfmapSramSzkB", "FilterSramSzkB", "OfmapSramSzkB", "IfmapOffset", "FilterOffset",
        "OfmapOffset", "Dataflow", "Bandwidth", "MemoryBanks", "OnChipMemoryBanks", "OnChipMemoryBankPorts",
        "ReadRequestBuffer", "WriteRequestBuffer",
    ),
    "layout": (
        "IfmapCustomLayout", "IfmapSRAMBankBandwidth", "IfmapSRAMBankNum", "IfmapSRAMBankPort",
        "FilterCustomLayout", "FilterSRAMBankBandwidth", "FilterSRAMBankNum", "FilterSRAMBankPort",
    ),
    "sparsity": ("SparsitySupport", "SparseRep", "OptimizedMapping", "BlockSize", "RandomNumberGeneratorSeed"),
    "network_presets": ("TopologyCsvLoc",),
    "run_presets": ("InterfaceBandwidth", "UseRamulatorTrace"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration and the hash of its file."""

    value: ScaleSimConfig
    files: tuple[tuple[str, str], ...]


def open_config(path: str) -> LoadedConfig:
    """The configuration in a file."""
    file = read_text(Path(path))
    return LoadedConfig(read_config(file), ((file.name, file.sha256),))


def read_config(file: TextFile) -> ScaleSimConfig:
    """The configuration that a file describes; entries that it lacks have SCALE-Sim's defaults, and a remark."""
    reader = _Reader(file.name, read_sections(file))
    reader.refuse_unknown()
    if reader.take("sparsity", "SparsitySupport", _truth, False):
        law = "sparse filters are not modelled; every weight is taken as there"
        raise reader.problem("sparsity", "SparsitySupport", law)
    config = reader.noun(
        name=("general", "run_name", _text),
        rows=(ARRAY, "ArrayHeight", _integer),
        cols=(ARRAY, "ArrayWidth", _integer),
        ifmap_sram_kb=(ARRAY, "IfmapSramSzkB", _integer),
        filter_sram_kb=(ARRAY, "FilterSramSzkB", _integer),
        ofmap_sram_kb=(ARRAY, "OfmapSramSzkB", _integer),
        dataflow=(ARRAY, "Dataflow", _dataflow),
        bandwidth=(ARRAY, "Bandwidth", _bandwidth),
        interface=("run_presets", "InterfaceBandwidth", _interface),
    )
    without_effect = _without_effect(reader)
    return ScaleSimConfig(**config, remarks=(*reader.taken_for_granted(), *without_effect))


@dataclass(frozen=True, slots=True)
class _Reader:
    file: str
    sections: Mapping[str, Section]
    missing: dict[str, list[str]] = field(default_factory=dict)

    def refuse_unknown(self) -> None:
        for name, section in self.sections.items():
            if name not in KNOWN:
                problem = f"[{name}]: unknown section; {suggestion(name, list(KNOWN))}"
                raise FileProblem(self.file, problem, line=section.line)
            entry_names = {key.lower() for key in KNOWN[name]}
            for key, entry in section.entries.items():
                if key not in entry_names:
                    problem = f"{name}.{key}: unknown entry; {suggestion(key, sorted(entry_names))}"
                    raise FileProblem(self.file, problem, line=entry.line)

    def noun(self, **places: tuple[str, str, Callable[[str], Any]]) -> dict[str, Any]:
        """The values of the fields, each checked alone so that a wrong one has its line."""
        values: dict[str, Any] = {}
        defaults = ScaleSimConfig()
        for name, (section, key, parse) in places.items():
            default = getattr(defaults, name)
            value = self.take(section, key, parse, default)
            try:
                ScaleSimConfig(**{name: value})
            except InvalidValue as error:
                raise self.problem(section, key, error.law) from error
            values[name] = value
        return values

    def has(self, section: str, key: str) -> bool:
        return section in self.sections and key.lower() in self.sections[section].entries

    def take(self, section: str, key: str, parse: Callable[[str], T], default: T) -> T:
        """The value of an entry, or the default, which is noted."""
        if not self.has(section, key):
            self.missing.setdefault(section, []).append(f"{key} = {getattr(default, 'value', default)}")
            return default
        try:
            return parse(self.sections[section].entries[key.lower()].value)
        except ValueError as error:
            raise self.problem(section, key, str(error)) from error

    def taken_for_granted(self) -> list[str]:
        """One sentence for each section that says too little."""
        where = {name: "says less" if name in self.sections else "is missing" for name in self.missing}
        return [f"[{name}] {where[name]}: {', '.join(defaults)} by default" for name, defaults in self.missing.items()]

    def problem(self, section: str, key: str, law: str) -> FileProblem:
        entry = self.sections[section].entries[key.lower()]
        return FileProblem(self.file, f"{section}.{key} = {shown(entry.value)}: {law}", line=entry.line)


def _without_effect(reader: _Reader) -> list[str]:
    """Settings that are on, but change none of the figures."""
    layouts = [key for key in ("IfmapCustomLayout", "FilterCustomLayout") if reader.take("layout", key, _truth, False)]
    remarks = [f"{key} is on: conflicts of SRAM banks are not modelled, no layout file is read" for key in layouts]
    if reader.take("run_presets", "UseRamulatorTrace", _truth, False):
        remarks.append("UseRamulatorTrace is on: latencies of a DRAM trace are not read")
    return remarks


def _text(value: str) -> str:
    return value.strip("\"'").strip()


def _integer(value: str) -> int:
    if not _DIGITS.fullmatch(value):
        raise ValueError("must be a whole number")
    return int(value)


def _bandwidth(value: str) -> int:
    """One number, or several with commas, of which SCALE-Sim uses the first."""
    first, *_ = [_integer(part.strip()) for part in value.split(",")]
    return first


def _truth(value: str) -> bool:
    if value.lower() not in _TRUTHS:
        raise ValueError("must be true or false")
    return _TRUTHS[value.lower()]


def _dataflow(value: str) -> Dataflow:
    names = [dataflow.value for dataflow in Dataflow]
    if value not in names:
        raise ValueError(suggestion(value, names))
    return Dataflow(value)


def _interface(value: str) -> Interface:
    names = [interface.value for interface in Interface]
    if value not in names:
        raise ValueError(suggestion(value, names))
    return Interface(value)
