"""The one exception that means "the input is wrong", as opposed to "the program is"."""


class InputError(ValueError):
    """Something the caller gave cannot be used.

    The message is one line: who complains, what was wanted, what came, what to do. The command line prints it
    without a stack trace and exits with code 2.
    """
