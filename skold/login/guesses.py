"""Guessing passwords at the login page: slowed down by network and by account.

Whoever guesses is told to wait, and nobody else: an account's own networks, from which it was
entered before, are counted apart from strangers. So a stranger cannot lock a person out of the
place they work at.
"""

import datetime as dt
import math
import unicodedata
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from skold.flood import network_of
from skold.models import LoginTrace
from skold.second_factor_secrets import keyed

WINDOW = dt.timedelta(minutes=10)
FROM_NETWORK = 20
"""Trials in a window from one network (/24 or /64), whatever the accounts."""
ON_ACCOUNT = 20
"""Trials on one account from all networks that it is not known from."""
AT_HOME = 10
"""Trials on one account from one network that it is known from."""
LONGEST = 254
"""Characters of a name that are looked at; Django has no longer ones."""
KNOWN_FOR = dt.timedelta(days=90)

_COUNT = """
INSERT INTO skold_logintrace AS seen (key, count, since, known) VALUES (%s, 1, %s, false)
ON CONFLICT (key) DO UPDATE SET
    count = CASE WHEN seen.since < %s THEN 1 ELSE seen.count + 1 END,
    since = CASE WHEN seen.since < %s THEN excluded.since ELSE seen.since END
RETURNING count, since
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One password typed. `wait` > 0: seconds after which the next may be; do not look at this."""

    wait: int
    keys: tuple[str, ...]
    home: str


def begin(account: str, address: str) -> Trial:
    """Count a trial before the password is looked at: many at once count as many."""
    now = timezone.now()
    network = network_of(address)
    name = _one_spelling(account)
    home = keyed(f"home {name} {network}")
    if LoginTrace.objects.filter(key=home, known=True, since__gt=now - KNOWN_FOR).exists():
        limits = {keyed(f"at home {name} {network}"): AT_HOME}
    else:
        limits = {
            keyed(f"network {network}"): FROM_NETWORK,
            keyed(f"account {name}"): ON_ACCOUNT,
        }
    waits = [_count(key, limit, now) for key, limit in limits.items()]
    return Trial(max(waits), tuple(limits), home)


def succeeded(trial: Trial) -> None:
    """It was no guess: take it back, and know the network from now on."""
    now = timezone.now()
    LoginTrace.objects.filter(key__in=trial.keys).delete()
    LoginTrace.objects.update_or_create(key=trial.home, defaults={"since": now, "known": True})
    LoginTrace.objects.filter(since__lt=now - WINDOW, known=False).delete()
    LoginTrace.objects.filter(since__lt=now - KNOWN_FOR).delete()


def _one_spelling(account: str) -> str:
    """One text for all that Django takes for the same name, which it brings to NFKC; else each
    spelling in full-width letters would be an account with guesses of its own.
    """
    return unicodedata.normalize("NFKC", account[:LONGEST]).strip().lower()


def _count(key: str, limit: int, now: dt.datetime) -> int:
    begins = now - WINDOW
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [key, now, begins, begins])
        count, since = cursor.fetchone()
    return math.ceil((since + WINDOW - now).total_seconds()) if count > limit else 0
