"""What a person has besides the password, and what the login page remembers of guesses."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.models import Device, ThrottlingMixin, TimestampMixin

from skold import second_factor_secrets as secrets


class TotpDevice(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc]
    """An authenticator app (TOTP, RFC 6238: SHA-1, 6 digits, 30 seconds).

    `sealed` is its secret, encrypted under a key of the server. A code is taken once: `last_step`
    only rises. django-otp waits 1, 2, 4, … seconds after wrong codes.
    """

    sealed = models.CharField(max_length=200, editable=False)
    last_step = models.BigIntegerField(default=-1, editable=False)

    class Meta:
        verbose_name = _("second factor")
        verbose_name_plural = _("second factors")
        default_permissions = ("view",)
        permissions = [("reset_second_factor", _("Can reset the second factor of others"))]

    def verify_token(self, token: str) -> bool:
        """Whether this is the code of now, or of the half minute before or after, not yet used."""
        if not self.verify_is_allowed()[0]:
            return False
        step = secrets.find_step(secrets.unseal(self.sealed), token, timezone.now())
        if step is None or step <= self.last_step:
            self.throttle_increment(commit=True)
            return False
        self.last_step = step
        self.throttle_reset(commit=False)
        self.set_last_used_timestamp(commit=False)
        self.save()
        return True

    def get_throttle_factor(self) -> float:
        return 1


class BackupCodes(TimestampMixin, ThrottlingMixin, Device):  # type: ignore[misc]
    """Codes on paper for the day the phone is lost; each opens once. Kept as keyed hashes."""

    hashes = ArrayField(models.CharField(max_length=64), default=list, editable=False)

    class Meta:
        verbose_name = _("backup codes")
        verbose_name_plural = _("backup codes")
        default_permissions = ()

    def verify_token(self, token: str) -> bool:
        """Whether one of the codes is left that says this; it is gone then."""
        if not self.verify_is_allowed()[0]:
            return False
        left = secrets.without(self.hashes, token)
        if left is None:
            self.throttle_increment(commit=True)
            return False
        self.hashes = left
        self.throttle_reset(commit=False)
        self.set_last_used_timestamp(commit=False)
        self.save()
        return True

    def get_throttle_factor(self) -> float:
        return 1


class LoginTrace(models.Model):
    """Guesses of passwords by network and account, and networks an account is known from.

    `key` is a keyed hash: what people type into the field of the name is sometimes a password.
    """

    key = models.CharField(primary_key=True, max_length=64)
    count = models.PositiveIntegerField(default=0)
    since = models.DateTimeField()
    """Start of the window that `count` belongs to; of a known network: when it was last used."""
    known = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["since"], name="skold_logintrace_since")]

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.count}"


def devices_of(user: Any) -> list[TotpDevice | BackupCodes]:
    """Confirmed second factors of a person, the app first."""
    apps = TotpDevice.objects.filter(user=user, confirmed=True)
    return [*apps, *BackupCodes.objects.filter(user=user, confirmed=True)]
