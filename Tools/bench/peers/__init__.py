"""The libraries that vecdb is compared with; each runs in a process of its own, `worker.py`."""

from importlib import import_module

from .base import Peer

MODULES = {
    "scann": "scann_peer",
    "faiss": "faiss_peer",
    "hnswlib": "hnswlib_peer",
    "usearch": "usearch_peer",
    "faiss-flat": "faiss_flat_peer",
}


def load(name: str) -> Peer:
    """The peer of this name; raises ImportError when its library is not installed."""
    return import_module(f".{MODULES[name]}", __name__).PEER()
