"""ScaNN as its documentation configures it: a tree, two dimensions a code, exact reordering."""

from collections.abc import Callable

import numpy as np
import scann

from ..frontier import Setting, tree_grid
from .base import Peer

DISTANCES = {"dot": "dot_product", "l2": "squared_l2"}


class ScannPeer(Peer):
    distribution = "scann"

    def grid(self, leaves: int) -> dict[str, list[int]]:
        return tree_grid(leaves)

    def build(self, vectors: np.ndarray, metric: str, leaves: int, k: int) -> None:
        self.searcher = None
        builder = scann.scann_ops_pybind.builder(vectors, k, DISTANCES[metric])
        builder = builder.tree(
            num_leaves=leaves, num_leaves_to_search=max(1, leaves // 20), training_sample_size=250_000
        )
        # Anisotropic quantization is for inner products only.
        anisotropic = {"anisotropic_quantization_threshold": 0.2} if metric == "dot" else {}
        self.searcher = builder.score_ah(2, **anisotropic).reorder(100).build()
        self.searcher.set_num_threads(1)

    def single(self, setting: Setting, k: int) -> Callable[[np.ndarray], np.ndarray]:
        search, leaves, reorder = self.searcher.search, setting["leaves_to_search"], setting["reorder"]
        return lambda query: search(
            query, final_num_neighbors=k, pre_reorder_num_neighbors=reorder, leaves_to_search=leaves
        )[0]

    def batch(self, setting: Setting, queries: np.ndarray, k: int) -> np.ndarray:
        return self.searcher.search_batched(
            queries,
            final_num_neighbors=k,
            pre_reorder_num_neighbors=setting["reorder"],
            leaves_to_search=setting["leaves_to_search"],
        )[0]

    def empty_call(self, dimensions: int) -> Callable[[np.ndarray], object]:
        row = np.ones((1, dimensions), np.float32)
        return scann.scann_ops_pybind.builder(row, 1, "dot_product").score_brute_force().build().search


PEER = ScannPeer
