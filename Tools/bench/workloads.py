"""The workloads: what they are, and their files, made on first use and kept."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from . import datasets
from .errors import BenchmarkError
from .truth import exact_neighbours

TRUTH_COUNT = 100
QUICK_DIVISOR = 20
QUICK_QUERIES = 100
MOVIELENS_ROWS = 1_683_682
FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
GROWTH_ROWS = (100_000, 1_000_000, 10_000_000)

Progress = Callable[[str], None]


#: Peers that divide the rows into leaves.
TREES = ("scann", "faiss")


@dataclass(frozen=True)
class Workload:
    """Vectors, queries and their exact answers on disk, and how they are to be indexed."""

    name: str
    title: str
    metric: str
    #: Of every side's tree: 2·√rows, and what peers are built with besides, for their best setting to be among them.
    leaves: int
    rows: int
    dimensions: int
    element: str
    directory: Path = field(repr=False)
    query_count: int = 0
    other_leaves: tuple[int, ...] = ()
    k: int = 10

    @property
    def base(self) -> Path:
        return self.directory / "base.npy"

    @property
    def queries(self) -> Path:
        return self.directory / "queries.npy"

    @property
    def truth(self) -> Path:
        return self.directory / "truth.npy"

    @property
    def stored_byte_count(self) -> int:
        """Bytes that an exact search has to read: bytes stay bytes, unless they were normalised."""
        width = 4 if self.metric == "cosine" else np.dtype(self.element).itemsize
        return self.rows * self.dimensions * width

    def leaf_counts(self, peer: str) -> tuple[int, ...]:
        """What a peer is to be built with, one index each."""
        return (self.leaves, *self.other_leaves) if peer in TREES else (self.leaves,)

    def description(self) -> dict[str, object]:
        names = ("name", "title", "metric", "leaves", "rows", "dimensions", "query_count", "element", "k")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class Settings:
    """Where data comes from and goes to, and how much of it."""

    data: Path
    export: Path
    quick: bool

    def rows(self, full: int) -> int:
        return full // QUICK_DIVISOR if self.quick else full

    def leaves(self, full: int) -> int:
        return max(1, round(full / QUICK_DIVISOR**0.5)) if self.quick else full

    def queries(self, queries: np.ndarray) -> np.ndarray:
        return queries[:QUICK_QUERIES] if self.quick else queries

    def directory(self, name: str) -> Path:
        directory = self.data / (f"{name}-quick" if self.quick else name)
        directory.mkdir(parents=True, exist_ok=True)
        return directory


def movielens(settings: Settings, progress: Progress) -> Workload:
    """A recommender's embeddings and 1,000 noisy copies of them."""
    for name in ("candidates.npy", "queries.npy"):
        if not (settings.export / name).is_file():
            raise BenchmarkError(
                f"{settings.export / name}: no such file; "
                "--export names a directory with candidates.npy and queries.npy"
            )
    candidates = np.load(settings.export / "candidates.npy").astype(np.float32)
    directory = settings.directory("movielens-1.7M")
    copies = settings.rows(round(MOVIELENS_ROWS / len(candidates)) - 1)
    rows, dimensions = len(candidates) * (copies + 1), candidates.shape[1]
    _keep_for(settings.export, directory)
    return _prepare(
        Workload(
            name="movielens-1.7M",
            title=f"{len(candidates):,} movies and {copies:,} noisy copies of each",
            metric="dot",
            leaves=round(2 * rows**0.5),
            other_leaves=(settings.leaves(1000),),
            rows=rows,
            dimensions=dimensions,
            element="float32",
            directory=directory,
        ),
        lambda path: datasets.save_rows(path, datasets.noisy_copies(candidates, copies), rows, dimensions, "f4"),
        lambda: settings.queries(np.load(settings.export / "queries.npy").astype(np.float32)),
        progress,
    )


def fashion_mnist(settings: Settings, progress: Progress) -> Workload:
    """Pictures of clothes, a byte a pixel."""
    files = [FASHION_MNIST / f"{part}-images-idx3-ubyte.gz" for part in ("train", "t10k")]
    for file in files:
        if not file.is_file():
            raise BenchmarkError(f"{file}: no such file; install the Debian package dataset-fashion-mnist")
    rows = settings.rows(60_000)
    return _prepare(
        Workload(
            name="fashion-mnist",
            title="pictures of clothes",
            metric="l2",
            leaves=round(2 * rows**0.5),
            other_leaves=(settings.leaves(244),),
            rows=rows,
            dimensions=784,
            element="uint8",
            directory=settings.directory("fashion-mnist"),
        ),
        lambda path: datasets.save_rows(path, iter([datasets.idx_images(files[0])[:rows]]), rows, 784, "u1"),
        lambda: settings.queries(datasets.idx_images(files[1])[:1000].astype(np.float32)),
        progress,
    )


def clustered(metric: str) -> Callable[[Settings, Progress], Workload]:
    """A million generated vectors of bytes under one of the metrics."""

    def make(settings: Settings, progress: Progress) -> Workload:
        rows = settings.rows(1_000_000)
        mixture = datasets.GaussianMixture(dimensions=128, centres=settings.rows(10_000), seed=1)
        other = settings.directory("clustered-1m-l2") / "base.npy"

        def write(path: Path) -> None:
            if path != other and other.is_file():
                os.link(other, path)
            else:
                datasets.save_rows(path, mixture.byte_chunks(rows, stream=0), rows, 128, "u1")

        return _prepare(
            Workload(
                name=f"clustered-1m-{metric}",
                title="generated clusters of varying spread",
                metric=metric,
                leaves=settings.leaves(2000),
                rows=rows,
                dimensions=128,
                element="uint8",
                directory=settings.directory(f"clustered-1m-{metric}"),
            ),
            write,
            lambda: settings.queries(np.concatenate(list(mixture.byte_chunks(1000, stream=1))).astype(np.float32)),
            progress,
        )

    return make


def growth(full_rows: int, settings: Settings, progress: Progress) -> Workload:
    """One size of the workload that grows; smaller sizes are the first rows of larger ones."""
    rows = settings.rows(full_rows)
    mixture = datasets.GaussianMixture(dimensions=96, centres=settings.rows(10_000), seed=2)
    return _prepare(
        Workload(
            name=f"growth-{full_rows}",
            title="generated clusters of varying spread",
            metric="l2",
            leaves=round(2 * rows**0.5),
            rows=rows,
            dimensions=96,
            element="float32",
            directory=settings.directory(f"growth-{full_rows}"),
        ),
        lambda path: datasets.save_rows(path, mixture.chunks(rows, stream=0), rows, 96, "f4"),
        lambda: settings.queries(np.concatenate(list(mixture.chunks(1000, stream=1)))),
        progress,
    )


COMPARED: dict[str, Callable[[Settings, Progress], Workload]] = {
    "movielens-1.7M": movielens,
    "fashion-mnist": fashion_mnist,
    "clustered-1m-l2": clustered("l2"),
    "clustered-1m-cosine": clustered("cosine"),
}


def _keep_for(export: Path, directory: Path) -> None:
    """Removes files that were made from another export than this one."""
    contents = [(export / name).read_bytes() for name in ("candidates.npy", "queries.npy")]
    digest = hashlib.sha256(b"".join(contents)).hexdigest()
    note = directory / "export.sha256"
    if note.is_file() and note.read_text() == digest:
        return
    for name in ("base.npy", "queries.npy", "truth.npy"):
        (directory / name).unlink(missing_ok=True)
    note.write_text(digest)


def _prepare(
    workload: Workload, write_base: Callable[[Path], None], load_queries: Callable[[], np.ndarray], progress: Progress
) -> Workload:
    """Makes the files that are missing; returns the workload with the number of its queries."""
    if not workload.base.is_file():
        progress(f"making {workload.rows:,} × {workload.dimensions} vectors")
        write_base(workload.base)
    if not workload.queries.is_file():
        queries = np.ascontiguousarray(load_queries(), np.float32)
        datasets.save_rows(workload.queries, iter([queries]), *queries.shape, "f4")
    queries = np.load(workload.queries)
    if not workload.truth.is_file():
        progress(f"finding the exact neighbours of {len(queries):,} queries")
        truth = exact_neighbours(np.load(workload.base, mmap_mode="r"), queries, workload.metric, TRUTH_COUNT)
        datasets.save_rows(workload.truth, iter([truth]), *truth.shape, "i8")
    return replace(workload, query_count=len(queries))
