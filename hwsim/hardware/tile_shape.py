"""The sizes of matrix products and of their blocks, in the order of the loops that an array wants, and its limits."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TileShape:
    """Sizes of a Gemm, or of a block of one, in the order of the loops: `outer` is the slowest, `k` the fastest."""

    outer: int
    inner: int
    k: int


@dataclass(frozen=True, slots=True)
class TilingConstraints:
    """What blocks must obey on an array: the part of each dimension that one array tile covers, of which they are
    multiples; the longest part of the outer dimension in one block; and the partial sums that a column holds."""

    unit: TileShape
    stream: int | None = None
    entries: int | None = None
    outputs_stay: bool = False
    """Whether results stay in the array while they gather K, so that K may be cut only inside one tile of results."""
    n_is_outer: bool = False
    """Whether the slowest loop is that over N, not that over M."""
    k_is_cut: bool = False
    """Whether K is cut in any case, because the first rows of the weight are resident."""

    def extent(self, m: int, k: int, n: int) -> TileShape:
        """M, K, N in the order of the loops."""
        return TileShape(outer=n, inner=m, k=k) if self.n_is_outer else TileShape(outer=m, inner=n, k=k)

    def m_and_n(self, block: TileShape) -> tuple[int, int]:
        """The rows and columns of the result that a block makes."""
        return (block.inner, block.outer) if self.n_is_outer else (block.outer, block.inner)
