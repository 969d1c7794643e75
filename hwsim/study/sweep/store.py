"""The store of a sweep: one SQLite file with its definition, what it was made with, and every point with its status.

The file is in write-ahead mode, and what a chunk of points came to is written in one transaction: killed at any moment,
it holds whole chunks. Whoever fills it holds a lock that ends with the process, however that ends.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import field
from pathlib import Path
from typing import Any

from hwsim.dataclass import dataclass
from hwsim.errors import FileProblem
from hwsim.results.headline_figures import Headline
from hwsim.results.sweep import Status
from hwsim.study.sweep.evaluate import Figures, Refused
from hwsim.study.sweep.points import Place

FORMAT = "1"
SUFFIX, LOCK = ".sqlite", ".lock"
_COUNTS = ("cycles", "energy_aj", "dram_read_bytes", "dram_write_bytes")
_FIGURES = tuple(f"figure_{figure.value}" for figure in Headline)
_COLUMNS = (*_COUNTS, *_FIGURES)


@dataclass(frozen=True, slots=True)
class Stored:
    """A point as it is kept: its number, its place, and what it came to, None while it is open."""

    number: int
    place: Place
    found: Figures | Refused | None

    @property
    def status(self) -> Status:
        """What is known of it."""
        if self.found is None:
            return Status.OPEN
        return Status.REFUSED if isinstance(self.found, Refused) else Status.DONE


@dataclass(slots=True)
class SweepStore:
    """An open store; `path` is None for one that nobody keeps."""

    path: Path | None
    database: sqlite3.Connection
    lock: sqlite3.Connection | None = field(default=None)

    def told(self) -> dict[str, str]:
        """What the store says of the sweep."""
        return dict(self.database.execute("SELECT key, value FROM sweep"))

    def begin(self, told: Mapping[str, str], axes: Sequence[str]) -> None:
        """Make the tables of a new sweep."""
        columns = "".join(f", {column} {'TEXT' if column == 'energy_aj' else 'NUMERIC'}" for column in _COLUMNS)
        named = "".join(f", {_quoted(axis)} TEXT" for axis in axes)
        with self.database as transaction:
            transaction.execute("CREATE TABLE sweep (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
            transaction.execute(
                "CREATE TABLE points (number INTEGER PRIMARY KEY, place TEXT NOT NULL, status TEXT NOT NULL, error TEXT"
                f", chip TEXT, workload TEXT{named}{columns})"
            )
            transaction.execute("CREATE TABLE quality (key TEXT PRIMARY KEY, sqnr_db REAL)")
            transaction.executemany("INSERT INTO sweep VALUES (?, ?)", sorted({**told, "format": FORMAT}.items()))

    def add(self, places: Iterable[Place], names: Iterable[tuple[str | None, ...]]) -> None:
        """Add open points, with the names of chip and workload and the values of all axes."""
        first = self.size
        rows = [
            (first + number, _written(place), Status.OPEN.value, None, *shown)
            for number, (place, shown) in enumerate(zip(places, names, strict=True), 1)
        ]
        if rows:
            filled = ", ".join("?" * len(rows[0]))
            empty = ", NULL" * len(_COLUMNS)
            with self.database as transaction:
                transaction.executemany(f"INSERT INTO points VALUES ({filled}{empty})", rows)

    @property
    def size(self) -> int:
        """How many points it holds."""
        (count,) = self.database.execute("SELECT count(*) FROM points").fetchone()
        return int(count)

    def write(self, found: Iterable[tuple[int, Figures | Refused]]) -> None:
        """Keep what points came to, all of them or none."""
        done, refused = [], []
        for number, one in found:
            if isinstance(one, Refused):
                refused.append((Status.REFUSED.value, one.error, number))
            else:
                counts = one.cycles, str(one.energy_aj), one.dram_read_bytes, one.dram_write_bytes
                done.append((Status.DONE.value, *counts, *one.headline, number))
        columns = ", ".join(f"{column} = ?" for column in _COLUMNS)
        with self.database as transaction:
            transaction.executemany(f"UPDATE points SET status = ?, {columns} WHERE number = ?", done)
            transaction.executemany("UPDATE points SET status = ?, error = ? WHERE number = ?", refused)

    def qualities(self) -> dict[str, float | None]:
        """The signal to noise of each workload in each precision, as far as it is known."""
        return dict(self.database.execute("SELECT key, sqnr_db FROM quality"))

    def keep_quality(self, key: str, sqnr_db: float | None) -> None:
        """Keep the signal to noise of a workload in a precision."""
        with self.database as transaction:
            transaction.execute("INSERT OR REPLACE INTO quality VALUES (?, ?)", (key, sqnr_db))

    def points(self) -> Iterator[Stored]:
        """All points, in the order of their numbers."""
        columns = ", ".join(_COLUMNS)
        query = f"SELECT number, place, status, error, {columns} FROM points ORDER BY number"
        for number, place, status, error, cycles, energy, read, written, *headline in self.database.execute(query):
            found: Figures | Refused | None = None
            if status == Status.DONE.value:
                found = Figures(cycles, int(energy), read, written, tuple(map(float, headline)))
            elif status == Status.REFUSED.value:
                found = Refused(error)
            yield Stored(number, _place(place), found)

    def close(self) -> None:
        """Let it go; the lock ends."""
        self.database.close()
        if self.lock is not None:
            self.lock.close()


def _written(place: Place) -> str:
    return json.dumps([place.pair, *place.levels])


def _place(written: str) -> Place:
    pair, *levels = json.loads(written)
    return Place(pair, tuple(levels))


def _quoted(name: str) -> str:
    """A name as a column of a table, apart from those of the store itself."""
    return '"' + f"axis: {name}".replace('"', '""') + '"'


def in_memory() -> SweepStore:
    """A store that nobody keeps."""
    return SweepStore(None, sqlite3.connect(":memory:", check_same_thread=False))


@contextmanager
def opened(path: Path, *, fill: bool, new: bool = False) -> Iterator[SweepStore]:
    """The store in a file, to read it or to fill it; who fills it is alone with that."""
    if not new and not path.is_file():
        raise FileProblem(str(path), "there is no such store; run the sweep first")
    store: SweepStore | None = None
    with _naming(path):
        lock = _locked(path) if fill else None
        store = SweepStore(path, sqlite3.connect(path, check_same_thread=False), lock)
        if fill:
            store.database.execute("PRAGMA journal_mode = WAL")
            store.database.execute("PRAGMA synchronous = NORMAL")
        if not new:
            _check(path, store)
    try:
        yield store
    except sqlite3.Error as error:
        raise FileProblem(str(path), f"cannot be kept: {error}") from error
    finally:
        store.close()


def is_begun(path: Path) -> bool:
    """Whether a file holds a sweep: one that was killed before its tables were made is as good as none."""
    if not path.is_file():
        return False
    database = sqlite3.connect(path)
    try:
        return bool(database.execute("SELECT 1 FROM sqlite_master WHERE name = 'points'").fetchone())
    except sqlite3.DatabaseError:
        return True  # something else lies there
    finally:
        database.close()


def _check(path: Path, store: SweepStore) -> None:
    told: Mapping[str, Any] = store.told()
    if told.get("format") != FORMAT:
        raise FileProblem(str(path), f"is a store of format {told.get('format')}, this hwsim reads {FORMAT}")


def _locked(path: Path) -> sqlite3.Connection:
    """The lock of a store: a transaction on a file beside it, which the system ends with the process."""
    lock = sqlite3.connect(f"{path}{LOCK}", timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if "locked" not in str(error):
            raise
        raise FileProblem(str(path), "is being filled by another process; wait for it, or end it") from error
    return lock


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise FileProblem(str(path), f"is no store of a sweep that can be opened: {error}") from error
