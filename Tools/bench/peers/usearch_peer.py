"""USearch: a navigable graph over the vectors themselves."""

from collections.abc import Callable

import numpy as np
from usearch.index import Index

from ..frontier import Setting
from .base import Peer

METRICS = {"dot": "ip", "l2": "l2sq"}


class UsearchPeer(Peer):
    distribution = "usearch"

    def grid(self, leaves: int) -> dict[str, list[int]]:
        return {"ef": [10, 14, 20, 28, 40, 56, 80, 112, 160, 224, 320, 450, 640, 900]}

    def build(self, vectors: np.ndarray, metric: str, leaves: int, k: int) -> None:
        self.index = None
        index = Index(ndim=vectors.shape[1], metric=METRICS[metric], dtype="f32", connectivity=16, expansion_add=200)
        index.add(np.arange(len(vectors)), vectors, threads=2)
        self.index = index

    def single(self, setting: Setting, k: int) -> Callable[[np.ndarray], np.ndarray]:
        self.index.expansion_search = setting["ef"]
        search = self.index.search
        return lambda query: search(query, k, threads=1).keys

    def batch(self, setting: Setting, queries: np.ndarray, k: int) -> np.ndarray:
        self.index.expansion_search = setting["ef"]
        return self.index.search(queries, k, threads=1).keys

    def empty_call(self, dimensions: int) -> Callable[[np.ndarray], object]:
        index = Index(ndim=dimensions, metric="ip", dtype="f32")
        index.add(np.arange(1), np.ones((1, dimensions), np.float32))
        return lambda query: index.search(query, 1, threads=1)


PEER = UsearchPeer
