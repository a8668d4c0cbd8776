"""Makes the vectors of the workloads. Every function is seeded: the same arguments give the same bytes."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from .errors import BenchmarkError

CHUNK_ROWS = 100_000


def save_rows(path: Path, chunks: Iterator[np.ndarray], rows: int, dimensions: int, dtype: str) -> None:
    """Writes chunks one after the other as one .npy file, which appears under its name only when complete."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": (rows, dimensions)}
        np.lib.format.write_array_header_1_0(file, header)
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype).tobytes())
    partial.rename(path)


def noisy_copies(base: np.ndarray, copies: int) -> Iterator[np.ndarray]:
    """The vectors themselves, then copies of them multiplied element by element by uniform(0, 1) noise."""
    generator = np.random.default_rng(0)
    yield base
    for _ in range(copies):
        yield base * generator.random(base.shape, dtype=np.float32)


def idx_images(path: Path) -> np.ndarray:
    """Images of a gzipped IDX file, a row of bytes each."""
    with gzip.open(path) as file:
        content = file.read()
    if content[:4] != b"\x00\x00\x08\x03":
        raise BenchmarkError(f"{path}: not an IDX file of images (its first bytes are {content[:4].hex()})")
    count, height, width = (int(size) for size in np.frombuffer(content, ">u4", 3, offset=4))
    return np.frombuffer(content, np.uint8, count * height * width, offset=16).reshape(count, height * width)


class GaussianMixture:
    """Clusters of varying spread whose directions share one decaying spectrum, as learned embeddings do."""

    def __init__(self, dimensions: int, centres: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        spectrum = np.arange(1, dimensions + 1) ** -0.8
        rotation = np.linalg.qr(generator.standard_normal((dimensions, dimensions)))[0]
        self.seed = seed
        self.shape = ((spectrum / np.sqrt(np.mean(spectrum**2)))[:, None] * rotation).astype(np.float32)
        self.centres = 1.5 * generator.standard_normal((centres, dimensions), dtype=np.float32) @ self.shape
        self.spread = np.exp(generator.normal(0, 0.4, centres)).astype(np.float32)

    def chunks(self, rows: int, stream: int) -> Iterator[np.ndarray]:
        """Rows in chunks; a prefix of more rows of the same stream is what fewer rows are."""
        for number, first in enumerate(range(0, rows, CHUNK_ROWS)):
            generator = np.random.default_rng([self.seed, stream, number])
            member = generator.integers(0, len(self.centres), CHUNK_ROWS)
            noise = generator.standard_normal((CHUNK_ROWS, self.shape.shape[0]), dtype=np.float32) @ self.shape
            chunk = self.centres[member] + self.spread[member, None] * noise
            yield chunk[: rows - first]

    def byte_chunks(self, rows: int, stream: int) -> Iterator[np.ndarray]:
        """The same, scaled and rounded to whole numbers from 0 to 255."""
        for chunk in self.chunks(rows, stream):
            yield np.clip(np.round(128 + 16 * chunk), 0, 255).astype(np.uint8)
