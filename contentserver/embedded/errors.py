"""What can go wrong before the servers run, each with the way out in its text."""


class CannotRun(Exception):
    """The embedded servers cannot be started or have died. The text is for the person at the
    terminal.
    """
