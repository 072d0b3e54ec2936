"""The one exception that stands for a user's mistake."""


class UserError(Exception):
    """Something the user can mend: a bad file, a wrong option, a missing weight file.

    The message is shown as it is, without a traceback, and the program exits with code 2. It names
    the file or key, what was found, what was expected, and what to do.
    """
