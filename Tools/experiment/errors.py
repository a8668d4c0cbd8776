"""What ends an experiment early."""


class Violation(Exception):
    """vecdb broke a promise."""


class HarnessError(Exception):
    """The experiment itself went wrong; its text says what and how."""
