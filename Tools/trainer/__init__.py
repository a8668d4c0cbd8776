"""Trains retrieval models with TensorFlow Recommenders and exports embeddings; `Tools/train --help` says how to run it."""
