"""Numbers and names as people read them: a few digits and a unit, equal layers under one name, sources in words."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from math import floor, log10
from typing import TYPE_CHECKING, Generic, TypeVar

from rich.table import Table
from rich.text import Text

from hwsim.dataclass import dataclass
from hwsim.quantities.plain_data import ASSUMED, READ
from hwsim.report.tables import EIGHTHS_OF_A_BLOCK, FULL_BLOCK, TIE, Screen, new_table, render
from hwsim.results.figures import Components
from hwsim.results.known import Known, without
from hwsim.results.result import Result

if TYPE_CHECKING:  # few runs are on tiles
    from hwsim.results.tiles_result import TilesResult

_STEPS = ((10**15, "P"), (10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"), (1, ""))


def figure(value: float, digits: int = 3) -> str:
    """A number with that many significant digits, written out.

    >>> figure(0.013175), figure(131.752857), figure(131752.857), figure(0)
    ('0.0132', '132', '131,753', '0')
    >>> figure(0.9998), figure(99.96)
    ('1.00', '100')
    """
    if value == 0:
        return "0"
    rounded = round(float(value), digits - 1 - floor(log10(abs(value))))  # which may have a digit more
    decimals = max(0, digits - 1 - floor(log10(abs(rounded))))
    return f"{value:,.{decimals}f}"


def scaled(value: float, unit: str, digits: int = 3) -> str:
    """A number with the multiple of the unit that suits it.

    >>> scaled(5482946246, "B"), scaled(29093210, "B"), scaled(12, "B")
    ('5.48 GB', '29.1 MB', '12 B')
    """
    for factor, prefix in _STEPS:
        if abs(value) >= factor:
            whole = factor == 1 and value == int(value)
            return f"{int(value) if whole else figure(value / factor, digits)} {prefix}{unit}"
    return f"{figure(value, digits)} {unit}"


def joules(attojoules: float) -> str:
    """An energy with the multiple of the joule that suits it.

    >>> joules(376992512783390000), joules(1500), joules(-2 * 10**15), joules(0)
    ('377 mJ', '1.50 fJ', '-2.00 mJ', '0 J')
    """
    if attojoules == 0:
        return "0 J"
    if attojoules < 0:
        return f"-{joules(-attojoules)}"
    for power, prefix in ((18, ""), (15, "m"), (12, "µ"), (9, "n"), (6, "p"), (3, "f")):
        if attojoules >= 10**power:
            return f"{figure(attojoules / 10**power)} {prefix}J"
    return f"{figure(attojoules)} aJ"


def watts(value: float) -> str:
    """A power; one below 0.1 W with the multiple of the watt that suits it.

    >>> watts(4.162), watts(0.5), watts(0.0123), watts(4.2e-5), watts(0)
    ('4.16 W', '0.500 W', '12.3 mW', '42.0 µW', '0 W')
    """
    if value >= 0.1 or value == 0:
        return f"{figure(value)} W"
    return f"{figure(value * 1e3)} mW" if value >= 1e-3 else f"{figure(value * 1e6)} µW"


def seconds(value: float) -> str:
    """A time with the multiple of the second that suits it.

    >>> seconds(0.131752857), seconds(12.5), seconds(3.2e-7)
    ('132 ms', '12.5 s', '320 ns')
    """
    for factor, prefix in ((1.0, ""), (1e-3, "m"), (1e-6, "µ")):
        if value >= factor:
            return f"{figure(value / factor)} {prefix}s"
    return f"{figure(value / 1e-9)} ns"


def percent(part: float, whole: float = 1) -> str:
    """A share; a tiny one as an upper bound.

    >>> percent(1, 8), percent(0.00123), percent(0, 5), percent(1, 10**7)
    ('12.5 %', '0.123 %', '0 %', '< 0.01 %')
    """
    share = 100 * part / whole if whole else 0
    return "< 0.01 %" if 0 < share < 0.01 else f"{figure(share)} %"


def roughly(part: float, whole: float = 1) -> str:
    """A share in a sentence or beside a bar, where its digits would only be in the way.

    >>> roughly(811, 1000), roughly(3, 1000), roughly(0, 5), roughly(9999, 10000)
    ('81 %', '0.3 %', '0 %', '100 %')
    """
    share = 100 * part / whole if whole else 0
    return "< 0.1 %" if 0 < share < 0.1 else f"{share:.0f} %" if share >= 1 or not share else f"{share:.1f} %"


def beside_the_audio(rtf: float) -> str:
    """A real-time factor in words.

    >>> beside_the_audio(0.0423), beside_the_audio(7.3), beside_the_audio(1)
    ('23.6 times faster than the audio', '7.30 times slower than the audio', 'as fast as the audio')
    """
    if rtf == 1:
        return "as fast as the audio"
    return f"{figure(rtf)} times slower than the audio" if rtf > 1 else f"{figure(1 / rtf)} times faster than the audio"


_PLAIN = "#"


def bar(share: float, width: int, *, blocks: bool = True) -> str:
    """A bar of that share of the width; a share above 0 always shows.

    >>> bar(0.5, 5), bar(0.001, 5), bar(0, 5), bar(0.5, 5, blocks=False)
    ('██▌', '▏', '', '###')
    """
    if share <= 0:
        return ""
    if not blocks:
        return _PLAIN * max(1, round_up_half(share * width))
    eighths = max(1, round_up_half(share * width * 8))
    return FULL_BLOCK * (eighths // 8) + EIGHTHS_OF_A_BLOCK[eighths % 8].strip()


def round_up_half(value: float) -> int:
    """To the next whole number, halves upwards.

    >>> round_up_half(2.5), round_up_half(2.4)
    (3, 2)
    """
    return int(value + 0.5)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """Things of a kind, under the name that they share."""

    name: str
    members: tuple[T, ...]

    @property
    def title(self) -> str:
        """The name, and the number of members, tied so that no line ends between them."""
        return self.name if len(self.members) == 1 else f"{self.name}{TIE}×{TIE}{len(self.members)}"


def pattern(name: str) -> str:
    """The name with a star for each component that is a number.

    >>> pattern("encoder.11.attention.softmax"), pattern("joint.output")
    ('encoder.*.attention.softmax', 'joint.output')
    """
    return ".".join("*" if part.isdecimal() else part for part in name.split("."))


def groups(things: Iterable[T], name_of: Callable[[T], str]) -> list[Group[T]]:
    """Things whose names are alike but for numbers, in the order of the first members; a single one keeps its name."""
    members_by_name: dict[str, list[T]] = {}
    for thing in things:
        members_by_name.setdefault(pattern(name_of(thing)), []).append(thing)
    return [
        Group(shared if len(members) > 1 else name_of(members[0]), tuple(members))
        for shared, members in members_by_name.items()
    ]


def costliest(
    all_groups: Sequence[Group[T]], cost: Callable[[T], int], most: int
) -> tuple[list[Group[T]], list[Group[T]]]:
    """The groups that cost most in all, and the others."""
    ordered = sorted(all_groups, key=lambda group: -sum(map(cost, group.members)))
    return ordered[:most], ordered[most:]


_NAMES = {"mac": "products", "interconnect": "wires", "dram": "DRAM", "clock": "clock tree"}


def component_name(name: str) -> str:
    """A component as people read it.

    >>> component_name("interconnect"), component_name("leakage")
    ('wires', 'leakage')
    """
    return _NAMES.get(name, name)


def spent(components: Components) -> list[tuple[str, int]]:
    """The components that take energy, the largest first."""
    sizes = [(component_name(f.name), getattr(components, f.name)) for f in fields(Components)]
    return sorted((entry for entry in sizes if entry[1]), key=lambda entry: -entry[1])


def component_table(components: Components, title: str) -> Table:
    """Each component that takes energy, and its share."""
    table = new_table("component", "energy", "share", title=title)
    for name, attojoules in spent(components):
        table.add_row(name, joules(attojoules), percent(attojoules, components.total))
    return table


def sources_text(result: "Result | TilesResult", screen: Screen) -> str:
    """The constants that are assumed, recalled or without a source, one a line."""
    constants = Known.of(result)
    return render((_listed("Parameters", constants.parameters), _listed("Prices", constants.prices)), screen)


def _listed(title: str, entries: tuple[tuple[str, str], ...]) -> Table:
    title = f"{title} without a source that was read: {_share_without(entries)}"
    table = new_table(title, "how sure")
    for name, sure in entries:
        if sure != READ:
            table.add_row(name, sure)
    return table


def without_a_source(result: "Result | TilesResult") -> Text:
    """In one paragraph, the constants without a source, or with a source that was not looked up."""
    constants = Known.of(result)
    parameters = [name + _mark(sure) for name, sure in constants.parameters if sure != READ]
    doubtful = [f"{action} ({sure})" for action, sure in constants.prices if sure != READ]
    return Text.assemble(
        ("Without a source\n", "bold"), f"parameters  {', '.join(parameters) or 'none'}\n",
        f"prices      {', '.join(doubtful) or 'none'}",
    )  # fmt: skip


def _mark(sure: str) -> str:
    return "" if sure == ASSUMED else f" ({sure})"


def doubt(result: "Result | TilesResult") -> str:
    """How many constants have no source that was read."""
    constants = Known.of(result)
    parameters, prices = _share_without(constants.parameters), _share_without(constants.prices)
    return f"{parameters} parameters and {prices} prices have no source that was read"


def _share_without(entries: tuple[tuple[str, str], ...]) -> str:
    return f"{without(entries)} of {len(entries)}"
