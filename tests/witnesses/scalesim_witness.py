"""SCALE-Sim's demands and its read buffer, word by word in plain Python, as a witness for the compiled ones."""

from collections.abc import Iterable, Iterator, Sequence

Matrix = Sequence[Sequence[int | None]]


def buffered_reads(demands: Iterable[int | None], capacity: int) -> int:
    """Words that are not there when they are asked for; a buffer that is full is emptied."""
    held: set[int] = set()
    reads = 0
    for word in demands:
        if word is not None and word not in held:
            reads += 1
            held.add(word)
            if len(held) == capacity:
                held.clear()
    return reads


def skewed(lanes: Matrix) -> Iterator[int | None]:
    """What the rows of an array ask for cycle by cycle, each row one cycle behind the one above."""
    stream = len(lanes[0])
    for cycle in range(stream + len(lanes) - 1):
        for lane, words in enumerate(lanes):
            if 0 <= cycle - lane < stream:
                yield words[cycle - lane]


def ifmap_demands(dataflow: str, act: Matrix, n: int, rows: int, cols: int) -> Iterator[int | None]:
    """The left operand act[m, k], column folds outside, row folds inside."""
    taps = [list(column) for column in zip(*act, strict=True)]
    if dataflow == "is":
        for left in range(0, len(act), cols):
            for top in range(0, len(taps), rows):
                for tap in reversed(taps[top : top + rows]):
                    yield from tap[left : left + cols]
        return
    lanes = act if dataflow == "os" else taps
    for _ in range(0, n, cols):
        for top in range(0, len(lanes), rows):
            yield from skewed(lanes[top : top + rows])


def filter_demands(dataflow: str, weight: Matrix, m: int, rows: int, cols: int) -> Iterator[int | None]:
    """The right operand weight[k, n], likewise."""
    columns = [list(column) for column in zip(*weight, strict=True)]
    if dataflow == "ws":
        for left in range(0, len(columns), cols):
            for top in range(0, len(weight), rows):
                for row in reversed(weight[top : top + rows]):
                    yield from row[left : left + cols]
    elif dataflow == "os":
        for left in range(0, len(columns), cols):
            for _ in range(0, m, rows):
                yield from skewed(columns[left : left + cols])
    else:
        for _ in range(0, m, cols):
            for top in range(0, len(weight), rows):
                yield from skewed(weight[top : top + rows])


def windows(height: int, width: int, kernel: tuple[int, int], channels: int, stride: int) -> Matrix:
    """Addresses of the words in each window of an input stored pixel by pixel; None where it ends."""
    down = -(-(height - kernel[0]) // stride) + 1
    across = -(-(width - kernel[1]) // stride) + 1
    return [
        [
            ((y + dy) * width + x + dx) * channels + channel if y + dy < height and x + dx < width else None
            for dy in range(kernel[0])
            for dx in range(kernel[1])
            for channel in range(channels)
        ]
        for y in range(0, down * stride, stride)
        for x in range(0, across * stride, stride)
    ]
