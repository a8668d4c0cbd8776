"""TensorFlow and TensorFlow Recommenders, set up before they are imported. Everything that needs them imports this."""

import logging
import os
import platform

# TFRS is written for Keras 2, which the package tf-keras keeps.
os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Sums in one order: the same seed gives the same embeddings on the same machine.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_recommenders as tfrs  # noqa: E402
from tensorflow_recommenders.layers import factorized_top_k  # noqa: E402

tf.get_logger().setLevel(logging.ERROR)

__all__ = ["HAS_SCANN", "factorized_top_k", "tf", "tfrs", "versions"]

HAS_SCANN: bool = factorized_top_k._HAVE_SCANN


def versions() -> dict[str, str]:
    """What the figures were made with."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version(), "numpy": np.__version__}
    for package in ("tensorflow", "tf-keras", "tensorflow-recommenders", "scann"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
