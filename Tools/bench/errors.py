"""The one kind of error that ends a run with a message instead of a traceback."""


class BenchmarkError(Exception):
    """Something a user can put right; its text says what and how."""
