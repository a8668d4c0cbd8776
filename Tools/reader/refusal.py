"""What is thrown for a file that breaks a rule."""


class Refused(Exception):
    """`code` is the exit status."""

    def __init__(self, message, code=4):
        super().__init__(message)
        self.code = code


def need(condition, message, code=4):
    if not condition:
        raise Refused(message, code)
