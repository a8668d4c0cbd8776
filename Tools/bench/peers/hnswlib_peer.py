"""hnswlib: a navigable graph over the vectors themselves."""

from collections.abc import Callable

import hnswlib
import numpy as np

from ..frontier import Setting
from .base import Peer

SPACES = {"dot": "ip", "l2": "l2"}


class HnswlibPeer(Peer):
    distribution = "hnswlib"

    def grid(self, leaves: int) -> dict[str, list[int]]:
        return {"ef": [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 450, 640, 900]}

    def build(self, vectors: np.ndarray, metric: str, leaves: int, k: int) -> None:
        self.index = None
        index = hnswlib.Index(space=SPACES[metric], dim=vectors.shape[1])
        index.init_index(max_elements=len(vectors), M=16, ef_construction=200, random_seed=0)
        index.add_items(vectors, num_threads=2)
        self.index = index

    def single(self, setting: Setting, k: int) -> Callable[[np.ndarray], np.ndarray]:
        self.index.set_ef(setting["ef"])
        search = self.index.knn_query
        return lambda query: search(query, k=k, num_threads=1)[0][0]

    def batch(self, setting: Setting, queries: np.ndarray, k: int) -> np.ndarray:
        self.index.set_ef(setting["ef"])
        return self.index.knn_query(queries, k=k, num_threads=1)[0]

    def empty_call(self, dimensions: int) -> Callable[[np.ndarray], object]:
        index = hnswlib.Index(space="ip", dim=dimensions)
        index.init_index(max_elements=1)
        index.add_items(np.ones((1, dimensions), np.float32))
        return lambda query: index.knn_query(query, k=1, num_threads=1)


PEER = HnswlibPeer
