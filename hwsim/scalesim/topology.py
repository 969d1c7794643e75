"""SCALE-Sim's topology files: the layers of a network as Gemms or convolutions, one a line."""

import re
from collections.abc import Sequence
from pathlib import Path

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem, InvalidValue, shown
from hwsim.inputs.files import TextFile, read_text
from hwsim.scalesim.nouns import ConvWindow, ScaleSimLayer, convolution

GEMM = ("Layer", "M", "N", "K")
CONV = (
    "Layer name", "IFMAP Height", "IFMAP Width", "Filter Height", "Filter Width", "Channels", "Num Filter", "Strides",
)  # fmt: skip
# The fields of the nouns, in the order of these columns.
_GEMM_FIELDS = ("name", "m", "n", "k")
_CONV_FIELDS = ("name", "ifmap_height", "ifmap_width", "filter_height", "filter_width", "channels", "n", "stride")
# SCALE-Sim makes a layer for each channel of a layer with these letters in its name.
DEPTHWISE = "DP"
MOST_CHANNELS = 2**16

_DIGITS = re.compile(r"[+-]?\d{1,18}")
_RATIO = re.compile(r"\d+\s*:\s*\d+")
_SPARSE = "sparse filters are not modelled; remove the column of the sparsity ratio to run the layer as a dense one"


@dataclass(frozen=True, slots=True)
class LoadedTopology:
    """Layers, what the file is called, and its hash."""

    name: str
    layers: tuple[ScaleSimLayer, ...]
    files: tuple[tuple[str, str], ...]


def open_topology(path: str) -> LoadedTopology:
    """The layers in a file."""
    file = read_text(Path(path))
    return LoadedTopology(Path(path).stem, read_topology(file), ((file.name, file.sha256),))


def read_topology(file: TextFile) -> tuple[ScaleSimLayer, ...]:
    """The layers of a topology. Its first line says whether they are Gemms or convolutions."""
    lines = [(number, _cells(line)) for number, line in enumerate(file.text.splitlines(), 1)]
    if not lines:
        raise FileProblem(file.name, "is empty; a topology starts with a line of column names")
    columns = _columns(file.name, lines[0][1])
    layers: list[ScaleSimLayer] = []
    for number, cells in lines[1:]:
        if cells:
            layers.append(_Row(file.name, number, columns, tuple(cells)).layer())
    if not layers:
        raise FileProblem(file.name, "has no layer below its line of column names")
    return tuple(layers)


def _cells(line: str) -> list[str]:
    """The cells of a line, without the empty ones at its end: a line may end in a comma."""
    cells = [cell.strip() for cell in line.split(",")]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _columns(file: str, header: Sequence[str]) -> Sequence[str]:
    """The columns that SCALE-Sim reads, which it knows by their places alone."""
    names = [re.sub(r"[^a-z]", "", cell.lower()) for cell in header]
    gemm = sorted(names[1:4]) == ["k", "m", "n"]
    columns = GEMM if gemm else CONV
    if gemm and names[1:4] != ["m", "n", "k"]:
        order = ", ".join(header[1:4])
        raise FileProblem(file, f"columns {order}: must be in the order M, N, K, in which they are read", line=1)
    if not gemm and not any("ifmap" in name for name in names[1:3]):
        line = shown(", ".join(header))
        problem = f"{line} must be a line of column names: {', '.join(GEMM)} or {', '.join(CONV)}"
        raise FileProblem(file, problem, line=1)
    if len(header) < len(columns):
        problem = f"has {len(header)} columns, must have {len(columns)}: {', '.join(columns)}"
        raise FileProblem(file, problem, line=1)
    for place, name in enumerate(header[len(columns) :], len(columns)):
        if "spars" in names[place]:
            raise FileProblem(file, f"column {shown(name)}: {_SPARSE}", line=1)
        if name:
            column_names = ", ".join(columns)
            raise FileProblem(file, f"column {shown(name)}: unknown column; the columns are {column_names}", line=1)
    return columns


def _depthwise(channels: int) -> int:
    """How many layers of one channel a depthwise one is."""
    if not 1 <= channels <= MOST_CHANNELS:
        raise InvalidValue("channels", channels, f"must be from 1 to {MOST_CHANNELS} layers of one channel")
    return channels


@dataclass(frozen=True, slots=True)
class _Row:
    file: str
    line: int
    columns: Sequence[str]
    cells: tuple[str, ...]

    def layer(self) -> ScaleSimLayer:
        """One layer, or as many equal ones as there are channels, where SCALE-Sim splits a layer so."""
        self._check_width()
        sizes = [self._size(place) for place in range(1, len(self.columns))]
        name = self.cells[0]
        try:
            if self.columns is GEMM:
                m, n, k = sizes
                return ScaleSimLayer(name=name, m=m, k=k, n=n)
            *shape, channels, filters, stride = sizes
            times, window_channels = (_depthwise(channels), 1) if DEPTHWISE in name else (1, channels)
            window = ConvWindow(
                **dict(zip(_CONV_FIELDS[1:5], shape, strict=True)), channels=window_channels, stride=stride
            )
            return convolution(name, window, filters, times)
        except InvalidValue as error:
            raise self._problem(error) from error

    def _check_width(self) -> None:
        width = len(self.columns)
        extra = self.cells[width:]
        if any(_RATIO.fullmatch(cell) for cell in extra):
            raise FileProblem(self.file, f"{self.cells[0]}: {shown(extra[0])}: {_SPARSE}", line=self.line)
        if len(self.cells) != width:
            columns = ", ".join(self.columns)
            problem = f"{shown(self.cells[0])}: must have {width} values, not {len(self.cells)}: {columns}"
            raise FileProblem(self.file, problem, line=self.line)

    def _size(self, place: int) -> int:
        cell = self.cells[place]
        if not _DIGITS.fullmatch(cell):
            problem = f"{self.cells[0]}: {self.columns[place]} = {shown(cell)}: must be a whole number"
            raise FileProblem(self.file, problem, line=self.line)
        return int(cell)

    def _problem(self, error: InvalidValue) -> FileProblem:
        """What is wrong, under the name of the column."""
        fields = _CONV_FIELDS if self.columns is CONV else _GEMM_FIELDS
        column = dict(zip(fields, self.columns, strict=True)).get(error.path, error.path)
        problem = f"{self.cells[0] or 'layer without a name'}: {column} = {shown(error.value)}: {error.law}"
        return FileProblem(self.file, problem, line=self.line)
