"""Ways in besides API keys: certificates that nginx verified, tokens that a provider signed."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from skold.models.clients import Client
from skold.models.keys import Credential


class ClientCertificate(Credential):
    """A client's X.509 certificate, known by the SHA-256 of its DER; nginx verifies the chain."""

    fingerprint = models.CharField(
        _("fingerprint"),
        primary_key=True,
        max_length=64,
        validators=[RegexValidator(r"^[0-9a-f]{64}$")],
        help_text=_("SHA-256 of the certificate in DER, 64 hex digits."),
    )
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="certificates", verbose_name=_("client")
    )
    subject = models.CharField(_("subject"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("client certificate")
        verbose_name_plural = _("client certificates")
        ordering = ["client_id", "-created_at"]

    def __str__(self) -> str:
        return f"{self.client_id} / {self.fingerprint[:16]}"


class TokenProvider(models.Model):
    """An OpenID Connect provider whose tokens are taken. Its keys are fetched by the bridge and
    travel in the signed policy: no process that serves files asks the network."""

    id = models.SlugField(
        _("identifier"),
        primary_key=True,
        max_length=64,
        validators=[RegexValidator(r"^[a-z0-9][a-z0-9_-]{0,63}$")],
    )
    issuer = models.URLField(
        _("issuer"), max_length=500, unique=True, help_text=_("Exactly as `iss` says it.")
    )
    audiences = ArrayField(
        models.CharField(max_length=200),
        verbose_name=_("audiences"),
        help_text=_("A token must be made for one of these."),
    )
    algorithms = ArrayField(models.CharField(max_length=10), verbose_name=_("algorithms"))
    jwks_url = models.URLField(
        _("address of the keys"),
        max_length=500,
        blank=True,
        help_text=_("Empty: asked from the issuer's discovery document."),
    )
    client_claim = models.CharField(_("claim that names the client"), max_length=100, default="azp")
    end_user_claim = models.CharField(
        _("claim that names the end user"), max_length=100, default="sub", blank=True
    )
    enabled = models.BooleanField(_("enabled"), default=True)
    jwks = models.JSONField(_("keys"), default=dict, editable=False)
    fetched_at = models.DateTimeField(_("keys fetched"), null=True, editable=False)
    fetch_error = models.CharField(_("last error"), max_length=500, blank=True, editable=False)
    fetch_tried_at = models.DateTimeField(_("last tried"), null=True, editable=False)
    fetch_wanted_at = models.DateTimeField(null=True, editable=False)
    """When somebody asked for the keys at once; the bridge answers by `fetch_tried_at`."""
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.CharField(_("created by"), max_length=150, editable=False)

    class Meta:
        verbose_name = _("token provider")
        verbose_name_plural = _("token providers")
        ordering = ["id"]

    def __str__(self) -> str:
        return self.id


class TokenClient(models.Model):
    """Which client a token speaks for: the provider's name of it, and ours."""

    provider = models.ForeignKey(
        TokenProvider, models.CASCADE, related_name="clients", verbose_name=_("provider")
    )
    value = models.CharField(_("value of the claim"), max_length=200)
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="token_names", verbose_name=_("client")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    created_by = models.CharField(_("created by"), max_length=150, editable=False)

    class Meta:
        verbose_name = _("client of a provider")
        verbose_name_plural = _("clients of a provider")
        ordering = ["provider_id", "value"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "value"], name="skold_tokenclient_value")
        ]

    def __str__(self) -> str:
        return f"{self.provider_id}: {self.value} → {self.client_id}"
