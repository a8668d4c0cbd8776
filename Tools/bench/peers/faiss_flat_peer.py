"""FAISS brute force: what exact search is compared with."""

from collections.abc import Callable

import faiss
import numpy as np

from ..frontier import Setting
from .base import Peer


class FaissFlatPeer(Peer):
    distribution = "faiss-cpu"

    def grid(self, leaves: int) -> dict[str, list[int]]:
        return {"threads": [1, 2]}

    def build(self, vectors: np.ndarray, metric: str, leaves: int, k: int) -> None:
        self.index = faiss.IndexFlatL2(vectors.shape[1]) if metric == "l2" else faiss.IndexFlatIP(vectors.shape[1])
        self.index.add(vectors)

    def single(self, setting: Setting, k: int) -> Callable[[np.ndarray], np.ndarray]:
        faiss.omp_set_num_threads(setting["threads"])
        return lambda query: self.index.search(query[None], k)[1][0]

    def batch(self, setting: Setting, queries: np.ndarray, k: int) -> np.ndarray:
        faiss.omp_set_num_threads(setting["threads"])
        return self.index.search(queries, k)[1]

    def empty_call(self, dimensions: int) -> Callable[[np.ndarray], object]:
        index = faiss.IndexFlatIP(dimensions)
        index.add(np.ones((1, dimensions), np.float32))
        return lambda query: index.search(query[None], 1)


PEER = FaissFlatPeer
