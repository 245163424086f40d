"""The second factor of people: whether it is wanted, whether a session has passed it, and the acts
on it. Codes are throttled by django-otp, each device for itself.
"""

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django_otp import login as remember

from skold import second_factor_secrets as secrets
from skold.models import BackupCodes, TotpDevice
from skold.models.second_factor import devices_of
from skold.services.rules import check_actor

APP_NAME = "app"
REQUIRED, OPTIONAL = "required", "optional"


def is_required() -> bool:
    """Whether a person without a second factor has to enrol one before anything else."""
    return bool(settings.SKOLD_SECOND_FACTOR == REQUIRED)


def has_device(user: Any) -> bool:
    return bool(TotpDevice.objects.filter(user=user, confirmed=True).exists())


def is_passed(request: HttpRequest) -> bool:
    """Whether this session needs no code any more. Whoever has a second factor must always use it,
    also where it is optional.
    """
    user: Any = request.user
    if getattr(user, "otp_device", None) is not None:
        return True
    if is_required():
        return False
    known = getattr(request, "_has_second_factor", None)
    if known is None:
        known = request._has_second_factor = has_device(user)  # type: ignore[attr-defined]
    return not known


def awaits_code(request: HttpRequest) -> bool:
    """Whether somebody with a right to enter has given the password alone so far."""
    user = request.user
    return bool(user.is_active and getattr(user, "is_staff", False) and not is_passed(request))


@dataclass(frozen=True, slots=True)
class Tried:
    """`wait`: seconds until the next code is looked at, after wrong ones."""

    passed: bool
    wait: int = 0


@transaction.atomic
def try_code(request: HttpRequest, code: str) -> Tried:
    """Let the session pass if this is a code of the person's app, or one of the backup codes.

    Raises SecretUnreadable.
    """
    digits = "".join(code.split())
    kind = TotpDevice if digits.isdigit() and len(digits) == secrets.DIGITS else BackupCodes
    device = kind.objects.select_for_update().filter(user=request.user, confirmed=True).first()
    if device is None:
        return Tried(passed=False)
    allowed, why = device.verify_is_allowed()
    if not allowed:
        until = (why or {}).get("locked_until") or timezone.now()
        return Tried(passed=False, wait=max(1, int((until - timezone.now()).total_seconds()) + 1))
    if not device.verify_token(code):
        return Tried(passed=False)
    _let_pass(request, device)
    return Tried(passed=True)


def begin_enrolment(user: Any) -> TotpDevice:
    """The device that is being set up: the same until it is confirmed, so that going back to the
    page shows no other code.
    """
    pending: TotpDevice | None = TotpDevice.objects.filter(user=user, confirmed=False).first()
    if pending is not None:
        try:
            secrets.unseal(pending.sealed)
        except secrets.SecretUnreadable:
            pending.delete()
        else:
            return pending
    sealed = secrets.seal(secrets.new_secret())
    made = TotpDevice(user=user, name=APP_NAME, sealed=sealed, confirmed=False)
    made.save(force_insert=True)
    return made


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`codes` are shown once; no repr and so no log shows them."""

    device: TotpDevice
    codes: list[str] = field(repr=False)


@transaction.atomic
def finish_enrolment(request: HttpRequest, code: str) -> Enrolled | None:
    """With the first code of the new app: it takes the place of any other, and the session has
    passed. None where the code is wrong.
    """
    user: Any = request.user
    device = TotpDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
    if device is None or not device.verify_token(code):
        return None
    TotpDevice.objects.filter(user=user, confirmed=True).delete()
    BackupCodes.objects.filter(user=user).delete()
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    codes = secrets.new_codes()
    hashes = [secrets.hash_code(each) for each in codes]
    BackupCodes.objects.create(user=user, name=_("backup codes"), hashes=hashes)
    _let_pass(request, device)
    return Enrolled(device, codes)


@transaction.atomic
def reset(*, actor: str, user: Any) -> int:
    """Forget all second factors of a person, who has to enrol anew; their sessions have not passed
    any more. Returns how many devices there were.
    """
    check_actor(actor)
    found = devices_of(user)
    TotpDevice.objects.filter(user=user).delete()
    BackupCodes.objects.filter(user=user).delete()
    return len(found)


def _let_pass(request: HttpRequest, device: Any) -> None:
    remember(request, device)
    request.session.cycle_key()
