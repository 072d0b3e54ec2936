"""The exceptions that stand for a user's mistake and for what is missing."""


class UserError(Exception):
    """Something the user can mend: a bad file, a wrong option, a missing weight file.

    The message is shown as it is, without a traceback, and the program exits with code 2. It names
    the file or key, what was found, what was expected, and what to do.
    """


class Unavailable(UserError):
    """A score that cannot be computed here, or is not defined; whatever else was asked for goes on.

    Attributes:
        reason: why.
        command: what fetches the missing part; None where nothing would help.
    """

    def __init__(self, reason: str, command: str | None = None) -> None:
        super().__init__(f"{reason}\n  get it with:  {command}" if command else reason)
        self.reason, self.command = reason, command
