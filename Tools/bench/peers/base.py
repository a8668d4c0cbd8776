"""What every peer can do."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import numpy as np

from ..frontier import Setting


class Peer(ABC):
    """A library with one index in memory; cosine has been turned into the dot product of unit vectors."""

    distribution: str

    @abstractmethod
    def grid(self, leaves: int) -> dict[str, list[int]]:
        """The values to try of every parameter."""

    @abstractmethod
    def build(self, vectors: np.ndarray, metric: str, leaves: int, k: int) -> None:
        """Replaces the index by one of these vectors."""

    @abstractmethod
    def single(self, setting: Setting, k: int) -> Callable[[np.ndarray], np.ndarray]:
        """A function from one query to the ordinals of its hits."""

    @abstractmethod
    def batch(self, setting: Setting, queries: np.ndarray, k: int) -> np.ndarray:
        """Ordinals of the hits of all queries, on one thread."""

    @abstractmethod
    def empty_call(self, dimensions: int) -> Callable[[np.ndarray], object]:
        """A search of a single row: what a call costs before any searching."""
