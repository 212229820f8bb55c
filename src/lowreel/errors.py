"""What means "the input is wrong", as opposed to "the program is": an exception, and a warning where it may be."""


class InputError(ValueError):
    """Something the caller gave cannot be used.

    The message is one line: who complains, what was wanted, what came, what to do. The command line prints it
    without a stack trace and exits with code 2.
    """


class DataWarning(UserWarning):
    """The data can be used, but seems not to be what its user takes it for. The message says what to do.

    From Python it is a warning like any other; `lowreel.run` and the command line say it as a sentence.
    """
