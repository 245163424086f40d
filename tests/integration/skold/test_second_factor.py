"""Entering the admin: a password, then a code; guesses wait, and nobody else does."""

import datetime as dt
import html
import itertools
import re
import time
from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.core.checks import run_checks
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from skold import second_factor_secrets as secrets
from skold.login import guesses, second_factor
from skold.models import BackupCodes, LoginTrace, TotpDevice
from skold.roles import AUDITOR, OPERATOR, ROLES

if TYPE_CHECKING:
    from tests.integration.skold.conftest import Control

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
LOGIN, INDEX = "/admin/login/", "/admin/"


@pytest.fixture
def kim(plane: "Control", settings: Settings) -> Iterator[User]:
    settings.SKOLD_SECOND_FACTOR = "required"
    return User.objects.create_superuser("kim", password=PASSWORD)


def sign_in(browser: Browser, name: str = "kim", password: str = PASSWORD, **more: Any) -> Any:
    return browser.post(LOGIN, {"username": name, "password": password}, **more)


def code(user: User, ahead: int = 0, *, confirmed: bool = True) -> str:
    """What the app shows, half minutes ahead of now. Not in the last moment of one: it would be
    over before the code is looked at.
    """
    left = secrets.STEP - timezone.now().timestamp() % secrets.STEP
    if left < 2.0:
        time.sleep(left)
    device = TotpDevice.objects.get(user=user, confirmed=confirmed)
    step = int(timezone.now().timestamp()) // secrets.STEP + ahead
    return secrets.code_at(secrets.unseal(device.sealed), step)


def enrol(browser: Browser, user: User) -> list[str]:
    """Set an app up. Returns the backup codes."""
    page = browser.get(reverse("admin:second_factor_enrol")).content.decode()
    assert "<svg" in page
    right = code(user, -1, confirmed=False)
    answer = browser.post(reverse("admin:second_factor_enrol"), {"code": right})
    assert "no-store" in answer["Cache-Control"]
    return re.findall(r"<li>([A-Z2-7-]{19})</li>", answer.content.decode())


def let_the_flood_pass() -> None:
    """Whatever comes without a session is limited by the second too, before it is looked at."""
    time.sleep(1.05)


def said(plane: "Control") -> dict[str, Any]:
    return plane.records("done")[-1]


def test_somebody_without_a_device_is_led_to_enrol_and_sees_nothing_else(
    plane: "Control", kim: User
) -> None:
    browser = Browser()
    assert sign_in(browser).url == reverse("admin:second_factor")
    assert said(plane)["login"] == "password"
    assert browser.get(reverse("admin:second_factor")).url == reverse("admin:second_factor_enrol")
    for name in ("index", "skold_client_changelist", "auth_user_changelist", "search"):
        answer = browser.get(reverse(f"admin:{name}"))
        assert answer.status_code == 302, name
        assert LOGIN in answer.url, name
        assert plane.records("req")[-1]["reason"] == "second_factor_missing"
        assert plane.records("req")[-1]["decision"] == "refuse"
    assert browser.get(LOGIN).url == reverse("admin:second_factor")

    codes = enrol(browser, kim)
    assert len(set(codes)) == secrets.CODES
    assert said(plane)["second_factor"] == "enrolled"
    assert browser.get(INDEX).status_code == 200
    assert not any(each.replace("-", "") in str(BackupCodes.objects.values()) for each in codes)


def test_the_code_is_asked_after_the_password_and_taken_once(plane: "Control", kim: User) -> None:
    first = Browser()
    sign_in(first)
    enrol(first, kim)
    browser = Browser()
    assert sign_in(browser, QUERY_STRING="next=/admin/skold/client/").status_code == 302
    page = reverse("admin:second_factor")
    assert browser.post(page, {"code": "000000"}).status_code == 200
    assert said(plane)["second_factor"] == "wrong"
    assert "Try again in" in html.unescape(
        browser.post(page, {"code": code(kim)}).content.decode()
    ), "django-otp waits after a wrong code, also for the right one"
    TotpDevice.objects.update(throttling_failure_timestamp=timezone.now() - dt.timedelta(hours=1))
    used = code(kim)
    answer = browser.post(page, {"code": used, "next": "/admin/skold/client/"})
    assert answer.url == "/admin/skold/client/"
    assert browser.get(INDEX).status_code == 200

    other = Browser()
    sign_in(other)
    TotpDevice.objects.update(throttling_failure_timestamp=None)
    assert other.post(page, {"code": used}).status_code == 200
    assert other.get(INDEX).status_code == 302


def test_a_backup_code_opens_once(plane: "Control", kim: User) -> None:
    first = Browser()
    sign_in(first)
    codes = enrol(first, kim)
    page = reverse("admin:second_factor")
    for lower, status in ((codes[0].lower(), 302), (codes[0], 200)):
        browser = Browser()
        sign_in(browser)
        assert browser.post(page, {"code": lower}).status_code == status
    assert len(BackupCodes.objects.get().hashes) == secrets.CODES - 1


def test_where_it_is_optional_only_who_has_one_must_use_it(
    plane: "Control", kim: User, settings: Settings
) -> None:
    settings.SKOLD_SECOND_FACTOR = "optional"
    browser = Browser()
    assert sign_in(browser).url == INDEX
    assert browser.get(INDEX).status_code == 200
    enrol(browser, kim)
    other = Browser()
    assert sign_in(other).url == reverse("admin:second_factor")
    assert other.get(INDEX).status_code == 302


def test_a_password_alone_cannot_replace_the_device(plane: "Control", kim: User) -> None:
    first = Browser()
    sign_in(first)
    enrol(first, kim)
    thief = Browser()
    sign_in(thief)
    enrolment = reverse("admin:second_factor_enrol")
    assert thief.get(enrolment).url == reverse("admin:second_factor")
    assert thief.post(enrolment, {"code": "123456"}).url == reverse("admin:second_factor")
    assert TotpDevice.objects.filter(user=kim).count() == 1
    before = TotpDevice.objects.get()
    assert first.get(enrolment).status_code == 200  # whoever has passed may
    first.post(enrolment, {"code": code(kim, confirmed=False)})
    assert TotpDevice.objects.get().pk != before.pk


def test_operators_reset_others_but_not_themselves(plane: "Control", kim: User) -> None:
    first = Browser()
    sign_in(first)
    enrol(first, kim)
    device = TotpDevice.objects.get()
    url = reverse("admin:skold_totpdevice_reset", args=[device.pk])
    assert first.post(url).status_code == 403
    assert TotpDevice.objects.exists()

    lee = User.objects.create_user("lee", is_staff=True)
    viewer = Browser()
    viewer.force_login(lee)
    _pass(viewer, lee)
    lee.user_permissions.add(Permission.objects.get(codename="view_totpdevice"))
    assert viewer.post(url).status_code == 403
    lee.user_permissions.add(Permission.objects.get(codename="reset_second_factor"))
    assert viewer.get(url).status_code == 200
    assert viewer.post(url).status_code == 302
    assert not TotpDevice.objects.filter(user=kim).exists()
    assert not BackupCodes.objects.filter(user=kim).exists()
    assert said(plane)["resource"] == f"auth.user:{kim.pk}"
    assert first.get(INDEX).status_code == 302, "a session that had passed has not any more"


def _pass(browser: Browser, user: User) -> None:
    """Let a session pass with a device of its own."""
    sealed = secrets.seal(secrets.new_secret())
    device = TotpDevice.objects.create(user=user, name="app", sealed=sealed)
    session = browser.session
    session["otp_device_id"] = device.persistent_id
    session.save()


def test_guesses_from_a_network_wait_and_the_person_at_home_does_not(
    plane: "Control", kim: User
) -> None:
    home, stranger = {"REMOTE_ADDR": "192.0.2.7"}, {"REMOTE_ADDR": "198.51.100.9"}
    assert sign_in(Browser(), **home).status_code == 302
    answers = [
        sign_in(Browser(), password=f"guess {number}", **stranger).status_code
        for number in range(guesses.ON_ACCOUNT)
    ]
    assert answers == [200] * guesses.ON_ACCOUNT
    let_the_flood_pass()
    assert sign_in(Browser(), password="one more", **stranger).status_code == 429
    assert said(plane)["login"] == "throttled"
    answer = sign_in(Browser(), **stranger)
    assert answer.status_code == 429, "the right password neither"
    assert 0 < int(answer["Retry-After"]) <= 600
    assert sign_in(Browser(), REMOTE_ADDR="203.0.113.1").status_code == 429
    assert sign_in(Browser(), REMOTE_ADDR="192.0.2.200").status_code == 302, "the same /24"
    assert sign_in(Browser(), name="lee", REMOTE_ADDR="203.0.113.1").status_code == 200

    let_the_flood_pass()
    LoginTrace.objects.filter(known=False).update(since=timezone.now() - guesses.WINDOW * 1.1)
    assert sign_in(Browser(), **stranger).status_code == 302


def test_who_guesses_many_accounts_waits_and_none_is_told_from_another(
    plane: "Control", kim: User
) -> None:
    stranger = {"REMOTE_ADDR": "2001:db8::1"}
    pages = [
        sign_in(Browser(), name=f"nobody-{number}", password="x", **stranger)
        for number in range(guesses.FROM_NETWORK)
    ]
    assert {page.status_code for page in pages} == {200}
    let_the_flood_pass()
    assert sign_in(Browser(), name="nobody", **stranger).status_code == 429
    assert sign_in(Browser(), name="kim", **stranger).status_code == 429
    assert not LoginTrace.objects.filter(key__contains="nobody").exists()
    assert b"kim" not in sign_in(Browser(), name="kim", **stranger).content


def test_an_account_spelled_in_other_letters_is_the_same(plane: "Control", kim: User) -> None:
    """Django takes the name in normal form NFKC, so all of these are kim."""
    letters = "k\uff4b\U0001d424", "i\uff49\u2170", "m\uff4d\u217f"
    spelled = ["".join(chosen) for chosen in itertools.product(*letters)]
    answers = [
        sign_in(Browser(), name, password="wrong", REMOTE_ADDR=f"10.7.{number}.1")
        for number, name in enumerate(spelled)
    ]
    codes = [answer.status_code for answer in answers]
    assert codes[:20] == [200] * 20
    assert set(codes[20:]) == {429}


def test_at_home_guesses_wait_too(plane: "Control", kim: User) -> None:
    home = {"REMOTE_ADDR": "192.0.2.7"}
    sign_in(Browser(), **home)
    answers = [
        sign_in(Browser(), password="x", **home).status_code for _ in range(guesses.AT_HOME + 1)
    ]
    assert answers == [200] * guesses.AT_HOME + [429]


def test_leaving_before_the_code_ends_the_session(plane: "Control", kim: User) -> None:
    browser = Browser()
    sign_in(browser)
    assert browser.post(reverse("admin:second_factor"), {"leave": "1"}).url == LOGIN
    assert browser.get(reverse("admin:second_factor")).url == LOGIN


def test_secrets_lie_encrypted_and_follow_the_servers_key(
    plane: "Control", kim: User, settings: Settings
) -> None:
    secret = secrets.new_secret()
    sealed = secrets.seal(secret)
    assert secrets.unseal(sealed) == secret
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another " * 8
    assert secrets.unseal(sealed) == secret
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(secrets.SecretUnreadable):
        secrets.unseal(sealed)
    browser = Browser()
    browser.force_login(kim)
    TotpDevice.objects.create(user=kim, name="app", sealed=sealed)
    page = browser.post(reverse("admin:second_factor"), {"code": "123456"})
    assert b"Have it reset" in page.content


def test_codes_are_those_of_the_rfc() -> None:
    """RFC 6238 appendix B, SHA-1, the last six of eight digits."""
    secret = b"12345678901234567890"
    for moment, expected in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert secrets.code_at(secret, moment // 30) == expected
    now = dt.datetime.fromtimestamp(59, dt.UTC)
    assert secrets.find_step(secret, "287 082", now) == 1
    assert secrets.find_step(secret, "081804", now) is None


def test_the_deployment_check_warns_of_an_optional_one(settings: Settings) -> None:
    found = {message.id for message in run_checks(include_deployment_checks=True)}
    assert "contentserver.W003" in found
    assert not second_factor.is_required()


def test_operators_may_reset_and_auditors_may_not(plane: "Control") -> None:
    migration = import_module("skold.migrations.0010_operators_reset_second_factors")
    migration.give(apps, None)  # a flush of the database may have taken it
    lee = User.objects.create_user("lee", is_staff=True)
    lee.groups.add(Group.objects.get(name=OPERATOR))
    assert lee.has_perms(["skold.view_totpdevice", "skold.reset_second_factor"])
    assert not any("second_factor" in each or "totp" in each for each in ROLES[AUDITOR])
