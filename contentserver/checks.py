"""System checks: what is missing before the first request, and the way out. Ids are stable."""

import os
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as CheckWarning
from django.utils.translation import gettext

from contentserver.commit_checks import UnusableCheck, load_checks
from contentserver.conf import Config, django_secret_key
from skold.anchors.places import parse_places


@register()
def check_secret_key(**_: Any) -> list[CheckMessage]:
    """contentserver.E001: Django signs sessions with a key of its own."""
    config: Config = settings.CONFIG
    if django_secret_key(config):
        return []
    return [
        Error(
            gettext("There is no secret key for Django."),
            hint=gettext("Run `manage.py initialise`, or set DJANGO_SECRET_KEY."),
            id="contentserver.E001",
        )
    ]


@register()
def check_home_is_private(**_: Any) -> list[CheckMessage]:
    """contentserver.W001: whoever reads the folder of secrets reads every file."""
    config: Config = settings.CONFIG
    folder = config.django_key.parent
    try:
        mode = os.stat(folder).st_mode & 0o077
    except OSError:
        return []
    if not mode:
        return []
    return [
        CheckWarning(
            gettext("The folder of secrets %(folder)s can be read by others.") % {"folder": folder},
            hint=gettext("chmod 700 %(folder)s") % {"folder": folder},
            id="contentserver.W001",
        )
    ]


@register()
def check_roots(**_: Any) -> list[CheckMessage]:
    """contentserver.E002: two names of one storage root would look like two copies."""
    roots = [os.path.realpath(root) for root in settings.CONFIG.roots]
    if len(set(roots)) == len(roots):
        return []
    return [
        Error(
            gettext("CONTENTSERVER_ROOTS names the same folder twice."),
            hint=gettext("Name each storage root once."),
            id="contentserver.E002",
        )
    ]


@register(Tags.security, deploy=True)
def check_second_factor(**_: Any) -> list[CheckMessage]:
    """contentserver.W003: a password alone opens the admin."""
    config: Config = settings.CONFIG
    if config.second_factor == "required":
        return []
    return [
        CheckWarning(
            gettext("People can enter the admin without a second factor."),
            hint=gettext("Set CONTENTSERVER_SECOND_FACTOR=required."),
            id="contentserver.W003",
        )
    ]


@register()
def check_static(**_: Any) -> list[CheckMessage]:
    """contentserver.E003: pages name their styles by the manifest of the collected files."""
    folder = settings.CONFIG.static
    if folder is None or (folder / "staticfiles.json").exists():
        return []
    return [
        Error(
            gettext("%(folder)s holds no collected files for the admin's pages.")
            % {"folder": folder},
            hint=gettext("Run `manage.py collectstatic`, or leave CONTENTSERVER_STATIC unset."),
            id="contentserver.E003",
        )
    ]


@register()
def check_anchor_addresses(**_: Any) -> list[CheckMessage]:
    """contentserver.E004: no checkpoint goes to an address that names no place."""
    _places, wrong = parse_places(settings.CONFIG.anchors)
    return [
        Error(
            sentence,
            hint=gettext("The section on anchors of docs/operations.md has every form."),
            id="contentserver.E004",
        )
        for sentence in wrong
    ]


@register(Tags.security, deploy=True)
def check_anchors(**_: Any) -> list[CheckMessage]:
    """contentserver.W002: who runs this machine could write its ledger anew."""
    if settings.CONFIG.anchors:
        return []
    return [
        CheckWarning(
            gettext("Checkpoints of the audit ledger go nowhere: SKOLD_ANCHORS names no place."),
            hint=gettext(
                "Name one that those who run this machine do not control: an https:// address, "
                "mailto: an auditor, or rfc3161+https:// a time stamp authority."
            ),
            id="contentserver.W002",
        )
    ]


@register()
def check_commit_checks(**_: Any) -> list[CheckMessage]:
    """contentserver.E005: no file passes a check that cannot be made."""
    try:
        load_checks(settings.CONFIG)
    except UnusableCheck as error:
        return [
            Error(
                str(error),
                hint=gettext("Correct the setting; until then nothing starts that stores files."),
                id="contentserver.E005",
            )
        ]
    return []
