"""The bridge's loop "tokens": providers' keys fetched each five minutes, or as soon as somebody
asks; the last good ones stay in force whatever happens.
"""

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone

from skold.models import TokenProvider
from skold.services.token_providers import take_keys

LOOP = "tokens"
INTERVAL = 1.0
EVERY = dt.timedelta(minutes=5)
FIRST_RETRY = dt.timedelta(seconds=15)
log = logging.getLogger(__name__)


class TokenKeys:
    """A step fetches the keys of one provider that is due; True while another may be."""

    def __init__(self, clock: Callable[[], dt.datetime] = timezone.now) -> None:
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._ages: dict[str, float] = {}

    def __call__(self) -> bool:
        """Raises django.db.Error."""
        now = self._clock()
        providers = list(TokenProvider.objects.filter(enabled=True).order_by("id"))
        self._ages = {each.pk: _age(each, now) for each in providers}
        due = [each for each in providers if self._is_due(each, now)]
        if due:
            self._fetch(min(due, key=_tried))
        return len(due) > 1

    def facts(self) -> Mapping[str, Any]:
        """The age of each provider's keys: past an hour something is wrong for long."""
        if not self._ages:
            return {}
        samples = [([name], age) for name, age in self._ages.items()]
        text = "Seconds since the keys of a token provider were fetched last."
        return {"gauges": [("contentserver_token_keys_age_seconds", text, ["provider"], samples)]}

    def _is_due(self, provider: TokenProvider, now: dt.datetime) -> bool:
        tried, wanted = provider.fetch_tried_at, provider.fetch_wanted_at
        if tried is None or (wanted is not None and wanted > tried):
            return True
        failures = self._failures.get(provider.pk, 0) or (1 if provider.fetch_error else 0)
        wait = min(EVERY, FIRST_RETRY * 2 ** min(failures - 1, 8)) if failures else EVERY
        return now - tried >= wait

    def _fetch(self, provider: TokenProvider) -> None:
        error = take_keys(provider=provider)
        if not error:
            if self._failures.pop(provider.pk, 0):
                log.info("token_keys_fetched_again", extra={"provider": provider.pk})
            return
        if provider.pk not in self._failures:
            log.warning("token_keys_not_fetched", extra={"provider": provider.pk, "error": error})
        self._failures[provider.pk] = self._failures.get(provider.pk, 0) + 1


def _tried(provider: TokenProvider) -> dt.datetime:
    return provider.fetch_tried_at or dt.datetime.min.replace(tzinfo=dt.UTC)


def _age(provider: TokenProvider, now: dt.datetime) -> float:
    return (now - (provider.fetched_at or provider.created_at)).total_seconds()
