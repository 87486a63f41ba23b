"""The one error a user is meant to see."""


class BadInput(Exception):
    """A user's mistake told in one clear line; the command line prints it and exits with 2."""
