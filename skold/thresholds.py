"""From when on the rules of the review ask a person to look. Pure: read by the configuration."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Each is the setting SKOLD_REVIEW_<NAME>; whole numbers above 0."""

    refusals: int = 10
    """Refusals of one end user, credential or network in a row …"""
    refusals_minutes: int = 10
    """… within this time."""
    guesses: int = 10
    """Credentials that do not hold, from one network …"""
    guesses_minutes: int = 10
    """… within this time."""
    burst_minimum: int = 1000
    """Accesses of a client in an hour below which nothing is a burst."""
    burst_factor: int = 5
    """How many times its usual hour a client must exceed."""
    burst_days: int = 28
    """Days before, from which the usual hour is taken."""
    burst_hours: int = 24
    """Hours with accesses that a client must have had in that time to be judged."""
    learning_days: int = 14
    """Days since a client's first access during which new addresses are learned silently."""
    still_minutes: int = 15
    """Time a copy may stand still while there are records that it lacks."""
    unanchored_hours: int = 24
    """Time without a confirmed anchor."""
