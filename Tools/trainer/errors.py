"""The one kind of error that ends a run with a message instead of a traceback."""


class TrainerError(ValueError):
    """Something a user can put right; its text says where, what was expected and what was found."""


def text_of(error: OSError) -> str:
    """What the system said, in lower case and without the number: 'permission denied'."""
    return (error.strerror or str(error)).lower()
