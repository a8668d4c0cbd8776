"""The trainer's tests; those that need NumPy or TensorFlow are skipped, saying so, where it is missing."""
