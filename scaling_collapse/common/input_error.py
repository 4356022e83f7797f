"""The one exception for input that a caller can mend."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Bad input: one sentence that names the function or option, what it needs, what it got, what to do.

    The command line prints the sentence and exits with code 2.
    """
