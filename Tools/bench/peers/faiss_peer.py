"""FAISS: inverted lists of residual 4-bit codes scanned with SIMD look-ups, then exact refinement."""

from collections.abc import Callable

import faiss
import numpy as np

from ..frontier import Setting, tree_grid
from .base import Peer

METRICS = {"dot": faiss.METRIC_INNER_PRODUCT, "l2": faiss.METRIC_L2}


class FaissPeer(Peer):
    distribution = "faiss-cpu"

    def grid(self, leaves: int) -> dict[str, list[int]]:
        return {"nprobe": tree_grid(leaves)["leaves_to_search"], "k_factor": [1, 2, 3, 5, 10, 20, 40, 100]}

    def build(self, vectors: np.ndarray, metric: str, leaves: int, k: int) -> None:
        self.index = None
        dimensions = vectors.shape[1]
        faiss.omp_set_num_threads(2)
        index = faiss.index_factory(dimensions, f"IVF{leaves},PQ{dimensions // 2}x4fsr,RFlat", METRICS[metric])
        index.train(vectors)
        index.add(vectors)
        faiss.omp_set_num_threads(1)
        self.index = index

    def single(self, setting: Setting, k: int) -> Callable[[np.ndarray], np.ndarray]:
        search, parameters = self.index.search, _parameters(setting)
        return lambda query: search(query[None], k, params=parameters)[1][0]

    def batch(self, setting: Setting, queries: np.ndarray, k: int) -> np.ndarray:
        return self.index.search(queries, k, params=_parameters(setting))[1]

    def empty_call(self, dimensions: int) -> Callable[[np.ndarray], object]:
        index = faiss.IndexFlatIP(dimensions)
        index.add(np.ones((1, dimensions), np.float32))
        return lambda query: index.search(query[None], 1)


def _parameters(setting: Setting) -> faiss.SearchParameters:
    lists = faiss.SearchParametersIVF(nprobe=setting["nprobe"])
    return faiss.IndexRefineSearchParameters(k_factor=setting["k_factor"], base_index_params=lists)


PEER = FaissPeer
