"""Chunks of points on a cluster of dask.distributed: the same chunks as on one machine, and the same figures."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from distributed import Client, as_completed, get_worker

from hwsim.errors import Unsupported
from hwsim.inputs.sweeps import OpenedSweep
from hwsim.study.sweep.chunks import Numbered
from hwsim.study.sweep.evaluate import Evaluator
from hwsim.study.sweep.run import Finder
from hwsim.study.sweep.workers import Found, found_here

AHEAD = 4
"""Chunks that wait for each worker's thread."""
RETRIES = 20
"""How often a chunk is run again that a worker took with it when it died."""
TIMEOUT_SECONDS = 30


def on_cluster(address: str) -> Finder:
    """What runs chunks on the cluster at that address, or of that scheduler file."""

    where = {"address": address} if "://" in address else {"scheduler_file": address}
    if "://" not in address and not Path(address).is_file():
        raise Unsupported(f"--scheduler {address}: there is no such scheduler file, and no address tcp://HOST:PORT")

    def found(sweep: OpenedSweep, todo: list[list[Numbered]]) -> Iterator[Found]:
        try:
            client = Client(timeout=TIMEOUT_SECONDS, set_as_default=False, **where)
        except (OSError, TimeoutError, ValueError) as error:
            raise Unsupported(f"--scheduler {address}: no scheduler answers there") from error
        with client:
            yield from _found_on(client, sweep, todo)

    return found


def _found_on(client: Client, sweep: OpenedSweep, todo: Sequence[Sequence[Numbered]]) -> Iterator[Found]:
    """What the points of all chunks come to; a chunk whose worker dies is run by another."""
    own = f"hwsim-{id(sweep)}-{hash(sweep.file)}"
    shared = client.scatter(sweep, broadcast=True, hash=False)
    waiting = iter(todo)
    threads = max(1, sum(client.nthreads().values()))
    running = as_completed(with_results=True, loop=client.loop)

    def submit() -> None:
        chunk = next(waiting, None)
        if chunk is not None:
            running.add(client.submit(_on_worker, own, shared, chunk, pure=False, retries=RETRIES))

    for _ in range(AHEAD * threads):
        submit()
    for _, found in running:
        submit()
        yield found


def _on_worker(own: str, sweep: OpenedSweep, chunk: Sequence[Numbered]) -> Found:
    """A chunk in a process of the cluster, which keeps what its next chunks may share."""
    import threading

    worker = get_worker()
    kept: dict[str, Evaluator] = worker.__dict__.setdefault("_hwsim_sweeps", {})
    key = f"{own}-{threading.get_ident()}"  # what is shared is for one thread
    if key not in kept:
        kept[key] = Evaluator(sweep)
    return found_here(kept[key], chunk)
