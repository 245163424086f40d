"""Credentials of clients. No secret is stored: a hash of API keys, signing keys only wrapped."""

import datetime as dt

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from skold.models.clients import Client


class Credential(models.Model):
    """What API keys and signing keys have in common: an owner, an end, a reason to stop earlier."""

    label = models.CharField(
        _("label"), max_length=100, blank=True, help_text=_("Where this key is used.")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.CharField(_("created by"), max_length=150, editable=False)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    revoked_by = models.CharField(_("revoked by"), max_length=150, blank=True, editable=False)

    class Meta:
        abstract = True

    def is_live(self, now: dt.datetime) -> bool:
        """True while the key opens anything."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


class ApiKey(Credential):
    """An API key `skd_<id>_<secret><checksum>`; only the SHA-256 of the whole is kept."""

    id = models.CharField(_("identifier"), primary_key=True, max_length=64, editable=False)
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="api_keys", verbose_name=_("client")
    )
    sha256 = models.CharField(max_length=64, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["client_id", "-created_at"]

    def __str__(self) -> str:
        return f"{self.client_id} / {self.id}"


class UrlKey(Credential):
    """A key with which a client signs URLs itself.

    `wrapped` = base64(nonce ‖ AES-256-GCM(URL key number `wrapping` of the data keyset, secret,
    AAD "skold/url/v1\\0" ‖ id)).
    """

    id = models.CharField(_("identifier"), primary_key=True, max_length=64, editable=False)
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="url_keys", verbose_name=_("client")
    )
    wrapped = models.CharField(max_length=255, editable=False)
    wrapping = models.BigIntegerField(_("wrapped under key"), editable=False)

    class Meta:
        verbose_name = _("signing key")
        verbose_name_plural = _("signing keys")
        ordering = ["client_id", "-created_at"]

    def __str__(self) -> str:
        return f"{self.client_id} / {self.id}"
