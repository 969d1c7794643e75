"""A DRAM command by command and cycle by cycle: a table of rules as in a data sheet, and a controller that tries."""

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from typing import NamedTuple

from hwsim.hardware.dram import DramDevice

ACT, PRE, READ, WRITE, CLOSE_ALL, REFRESH = "act", "pre", "read", "write", "close all", "refresh"
COLUMN = (READ, WRITE)
BANK, GROUP, CHANNEL = "bank", "group", "channel"


class Command(NamedTuple):
    """A command to a bank of a group, for a row."""

    time: int
    kind: str
    group: int = -1
    bank: int = -1
    row: int = -1


class Rule(NamedTuple):
    """So many cycles at least from a command of some kinds to one of others, in the same bank, group or channel."""

    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    scope: str
    cycles: int


def rules(device: DramDevice) -> tuple[Rule, ...]:
    """The rules of a device, by the names of its timings; but for the window of four, which counts."""
    t = device.timing
    burst = device.burst_length * device.clock // device.data_rate
    written = t.cwl + burst
    wtr_long = t.wtr if t.wtr_long is None else t.wtr_long
    return (
        Rule("rc", (ACT,), (ACT, REFRESH), BANK, t.rc),
        Rule("rrd", (ACT,), (ACT,), CHANNEL, t.rrd),
        Rule("rrd_long", (ACT,), (ACT,), GROUP, t.rrd_long or t.rrd),
        Rule("ras", (ACT,), (PRE, CLOSE_ALL), BANK, t.ras),
        Rule("rcd", (ACT,), COLUMN, BANK, t.rcd),
        Rule("rp", (PRE,), (ACT, REFRESH), BANK, t.rp),
        Rule("rp_all", (CLOSE_ALL,), (REFRESH,), CHANNEL, t.rp_all or t.rp),
        Rule("rtp", (READ,), (PRE, CLOSE_ALL), BANK, t.rtp),
        Rule("wr", (WRITE,), (PRE, CLOSE_ALL), BANK, written + t.wr),
        Rule("ccd", COLUMN, COLUMN, CHANNEL, t.ccd),
        Rule("ccd_long", COLUMN, COLUMN, GROUP, t.ccd_long or t.ccd),
        Rule("rtw", (READ,), (WRITE,), CHANNEL, t.rtw),
        Rule("wtr", (WRITE,), (READ,), CHANNEL, written + t.wtr),
        Rule("wtr_long", (WRITE,), (READ,), GROUP, written + wtr_long),
        Rule("rfc", (REFRESH,), (ACT, REFRESH), CHANNEL, t.rfc),
    )


@dataclass
class Channel:
    """One channel: what was issued so far, and the row that each bank has open."""

    device: DramDevice
    issued: list[Command] = field(default_factory=list)
    open_rows: dict[tuple[int, int], int] = field(default_factory=dict)

    def blocked_by(self, command: Command) -> set[str]:
        """The names of the rules that forbid a command at its time; nothing is changed."""
        broken = set()
        table = rules(self.device)
        longest = max(rule.cycles for rule in table)
        for before in self.issued:
            if before.time + longest <= command.time:
                continue
            for rule in table:
                if before.kind not in rule.before or command.kind not in rule.after:
                    continue
                if not _shared(before, command, rule.scope):
                    continue
                if command.time < before.time + rule.cycles:
                    broken.add(rule.name)
        if command.kind == ACT:
            rows = [before.time for before in self.issued if before.kind == ACT][-4:]
            if len(rows) == 4 and command.time < rows[0] + self.device.timing.faw:
                broken.add("faw")
        return broken

    def issue(self, command: Command) -> None:
        """Take a command; an assertion fails if it comes too early, or does not fit what is open."""
        assert not self.blocked_by(command), (command, self.blocked_by(command))
        place = command.group, command.bank
        match command.kind:
            case "act":
                assert place not in self.open_rows
                self.open_rows[place] = command.row
            case "pre":
                assert self.open_rows.pop(place) is not None
            case "close all":
                assert self.open_rows
                self.open_rows.clear()
            case "refresh":
                assert not self.open_rows
            case _:
                assert self.open_rows[place] == command.row
        self.issued.append(command)

    def first(self, command: Command) -> Command:
        """The command at the first time, not before its own, at which no rule forbids it."""
        while self.blocked_by(command):
            command = command._replace(time=command.time + 1)
        return command


def _shared(one: Command, other: Command, scope: str) -> bool:
    """Whether two commands are to the same bank or group; those to all banks are to each."""
    if scope == CHANNEL or one.bank < 0 or other.bank < 0:
        return True
    return one.group == other.group and (scope == GROUP or one.bank == other.bank)


class Move(NamedTuple):
    """A transfer: when it begins, when it was promised, whether it is written, and the bytes that it moves."""

    start: int
    promised: int
    write: bool
    pieces: tuple[tuple[int, int], ...]
    """Address and bytes of each."""


@dataclass
class Seen:
    """What happened."""

    channels: list[Channel]
    ends: list[int] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    latencies: list[int] = field(default_factory=list)
    found: Counter[str] = field(default_factory=Counter)
    late: int = 0
    total: int = 0


@dataclass
class Controller:
    """Bursts of a channel in order, in sight of as many as its queue holds; refreshes when they are due."""

    channel: Channel
    due: int
    columns: list[int] = field(default_factory=list)

    def burst(self, begun: int, write: bool, group: int, bank: int, row: int, seen: Seen) -> int:
        """When the data of a burst have passed."""
        device = self.channel.device
        place, kind = (group, bank), WRITE if write else READ
        asked = max(begun, self.columns[-device.queue] if len(self.columns) >= device.queue else 0)
        while True:
            tried, time, how = deepcopy(self.channel), asked, "hit"
            if tried.open_rows.get(place, row) != row:
                how = "conflict"
                close = tried.first(Command(time, PRE, group, bank, tried.open_rows[place]))
                tried.issue(close)
                time = close.time
            if tried.open_rows.get(place) != row:
                how = "miss" if how == "hit" else how
                tried.issue(tried.first(Command(time, ACT, group, bank, row)))
            column = tried.first(Command(asked, kind, group, bank, row))
            if column.time < self.due:
                break
            self.refresh()
        tried.issue(column)
        self.channel.issued, self.channel.open_rows = tried.issued, tried.open_rows
        self.columns.append(column.time)
        data = column.time + (device.timing.cwl if write else device.timing.cl)
        end = data + device.burst_length * device.clock // device.data_rate
        seen.found[how] += 1
        seen.latencies.append(end - asked)
        return end

    def refresh(self) -> None:
        """Close what is open, and refresh."""
        time = self.due
        if self.channel.open_rows:
            close = self.channel.first(Command(time, CLOSE_ALL))
            self.channel.issue(close)
            time = close.time
        self.channel.issue(self.channel.first(Command(time, REFRESH)))
        self.due += self.channel.device.timing.refi


def where(device: DramDevice, channels: int, address: int) -> tuple[int, int, int, int]:
    """Channel, group, bank in it, and row of a byte."""
    grain = device.interleave or device.burst_bytes
    stripe, inside = divmod(address, grain * channels)
    channel, inside = divmod(inside, grain)
    burst = (stripe * grain + inside) // device.burst_bytes
    burst, group = divmod(burst, device.bank_groups)
    page = burst // (device.row // device.burst_bytes)
    row, bank = divmod(page, device.banks // device.bank_groups)
    return channel, group, bank, row


def bursts(device: DramDevice, address: int, size: int) -> Iterator[int]:
    """Where the bursts begin that hold these bytes."""
    step = device.burst_bytes
    yield from range(address - address % step, address + size, step)


def replay(device: DramDevice, channels: int, moves: list[Move], until: int) -> Seen:
    """The transfers one after another, each later by what those before were late."""
    seen = Seen([Channel(device) for _ in range(channels)])
    controllers = [Controller(channel, device.timing.refi) for channel in seen.channels]
    for move in moves:
        begun = move.start + seen.late
        ends = []
        for address, size in move.pieces:
            for begin in bursts(device, address, size):
                channel, group, bank, row = where(device, channels, begin)
                ends.append(controllers[channel].burst(begun, move.write, group, bank, row, seen))
        seen.begins.append(begun)
        seen.first.append(ends[0] - begun)
        seen.ends.append(max(ends))
        seen.late = max(seen.late, max(ends) - move.promised)
    seen.total = max([until + seen.late, *seen.ends])
    for controller in controllers:
        while controller.due < seen.total:
            controller.refresh()
    return seen
