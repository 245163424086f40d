"""POST /api/v1/signed-urls: up to 100 URLs that open one file each, without a credential."""

import time
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from contentserver.api.problems import LinkUnavailable
from contentserver.catalog.links import NotAcceptedError
from contentserver.catalog.minting import ACTIONS, USUAL_LIFETIME, Wish, decide, mint
from contentserver.protocol.keys import BadKey, check_collection, check_key
from contentserver.store.address import Version
from contentserver.store.errors import BadMetadata
from skold import urls
from skold.api.authentication import ApiUser
from skold.api.guard import GatePermission, GuardedView
from skold.control import parts
from skold.gate import Principal

MAX_URLS = 100
NAMED = {
    "url_lifetime_too_long": ("lifetime", _("The collection does not allow URLs to live so long.")),
    "end_user_required": ("subject", _("Name the end user: the collection or client asks it.")),
    "end_user_forbidden": ("subject", _("Leave it out: no end user may be named here.")),
}
"""Refusals that are told, to callers who may sign there. Others are 404, whatever the reason."""


class WishSerializer(serializers.Serializer[Wish]):
    """One URL that is wanted."""

    collection = serializers.CharField(max_length=64)
    key = serializers.CharField(max_length=512, trim_whitespace=False)
    method = serializers.ChoiceField(choices=sorted(ACTIONS), default="GET")
    lifetime = serializers.IntegerField(
        min_value=1, max_value=31_536_000, default=USUAL_LIFETIME, help_text=_("In seconds.")
    )
    subject = serializers.CharField(
        max_length=urls.MAX_SUBJECT, required=False, help_text=_("The end user the URL is for.")
    )
    disposition = serializers.ChoiceField(choices=sorted(urls.DISPOSITIONS), required=False)
    version = serializers.CharField(max_length=24, required=False)

    def validate_collection(self, text: str) -> str:
        return _checked(check_collection, text)

    def validate_key(self, text: str) -> str:
        return _checked(check_key, text)

    def validate_subject(self, text: str) -> str:
        if not urls.is_name(text):
            raise ValidationError(_("1 to 256 bytes without control characters."))
        return text

    def validate_version(self, text: str) -> str:
        try:
            return str(Version.parse(text))
        except BadMetadata as error:
            raise ValidationError(error.reason) from error

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """What goes together."""
        if attrs["method"] in {"PUT", "DELETE"}:
            for name in ("version", "disposition"):
                if name in attrs:
                    raise ValidationError({name: _("Only with GET and HEAD.")})
        return attrs


class SignedUrlsSerializer(serializers.Serializer[Any]):
    """What is wanted."""

    urls = WishSerializer(
        many=True,
        allow_empty=False,
        max_length=MAX_URLS,  # type: ignore[call-arg]  # `many` makes a list, which alone has it
    )


class MintedSerializer(serializers.Serializer[Any]):
    """A signed URL."""

    collection = serializers.CharField()
    key = serializers.CharField()
    method = serializers.CharField()
    url = serializers.URLField()
    expires = serializers.IntegerField(help_text=_("Seconds since the epoch."))


class MintedUrlsSerializer(serializers.Serializer[Any]):
    """In the order asked."""

    urls = MintedSerializer(many=True)


class SigningPermission(GatePermission):
    """Every URL is decided on before any is signed: all of them, or none."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Raises NotAuthenticated, NotFound, ValidationError naming the URL's place and field."""
        assert isinstance(view, SignedUrlsView)
        if not isinstance(request.user, ApiUser):
            raise NotAuthenticated
        if view.gate_action() is None:
            return super().has_permission(request, view)
        principal = request.user.principal
        if not parts.gate().may_somewhere(principal, "sign"):
            view.access.decision = parts.gate().decide(principal, "sign", None, None)
            raise NotFound
        view.wishes = _wishes(request.data, principal)
        view.name_files()
        _complain([_decide(view, principal.client, wish) for wish in view.wishes])
        return True


class SignedUrlsView(GuardedView, APIView):
    """Signed by a key that the server holds for the caller's client."""

    gate_actions: ClassVar = {"post": "sign"}
    permission_classes = [SigningPermission]
    wishes: list[Wish]

    @extend_schema(
        operation_id="signed_urls_create",
        request=SignedUrlsSerializer,
        responses={201: MintedUrlsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Absolute URLs, good without any credential until they expire.

        Each needs the grant to sign and the grant for what it does; they are asked again when the
        URL is used. The lifetime is limited by the collection.
        """
        assert isinstance(request.user, ApiUser)
        try:
            minted = mint(
                actor=self.actor,
                client=request.user.principal.client,
                address=request.META["REMOTE_ADDR"],
                wishes=self.wishes,
            )
        except NotAcceptedError as error:
            raise LinkUnavailable from error
        shown = [
            {"collection": wish.collection, "key": wish.key, "method": wish.method}
            | {"url": made.url, "expires": made.expires}
            for wish, made in zip(self.wishes, minted, strict=True)
        ]
        return Response({"urls": shown}, status=201, headers={"Cache-Control": "no-store"})

    def name_files(self) -> None:
        """For the record: one for the whole request."""
        names = {wish.collection for wish in self.wishes}
        self.access.name_files(
            names.pop() if len(names) == 1 else None, [wish.key for wish in self.wishes]
        )


def _wishes(data: Any, principal: Principal) -> list[Wish]:
    """Raises ValidationError. A URL is for the end user of the request, unless it names one."""
    given = SignedUrlsSerializer(data=data)
    given.is_valid(raise_exception=True)
    wishes = [
        Wish(**{"subject": principal.end_user, **row}) for row in given.validated_data["urls"]
    ]
    errors = [
        {"subject": [_("It differs from the end user that your token proves.")]}
        if principal.end_user_known == "token" and wish.subject != principal.end_user
        else {}
        for wish in wishes
    ]
    _complain(errors)
    return wishes


def _complain(errors: list[dict[str, Any]]) -> None:
    """Raise ValidationError by place, as a serializer of many does."""
    wrong = {str(place): each for place, each in enumerate(errors) if each}
    if wrong:
        raise ValidationError({"urls": wrong})


def _decide(view: SignedUrlsView, client: str, wish: Wish) -> dict[str, Any]:
    """Its errors. Raises NotFound for what must not be told."""
    decision = decide(client, wish, time.time())
    view.access.decision = decision
    if decision.allowed:
        return {}
    named = NAMED.get(decision.reason)
    if named is None:
        raise NotFound
    return {named[0]: [named[1]]}


def _checked(check: Any, text: str) -> str:
    try:
        check(text)
    except BadKey as error:
        raise ValidationError(str(error)) from error
    return text
