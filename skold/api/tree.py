"""The tree of this node's audit over HTTP: checkpoint, proofs, tiles. Read from the ledger's disk,
so that it answers without PostgreSQL.
"""

import base64
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from skold.api.guard import GuardedView
from skold.control import review_parts
from skold.ledger.bundles import LedgerDamagedError, pack
from skold.ledger.proofs import NoCheckpointError, NotInTreeError, TreeReader
from skold.ledger.tiles import parse_tile_path
from skold.models import AuditRecord

log = logging.getLogger(__name__)

FOR_EVER = "private, max-age=31536000, immutable"
"""Tiles never change; whoever reads them has been let in, so no shared cache may keep them."""


class LedgerUnavailable(APIException):
    """The ledger's disk says nothing that can be passed on."""

    status_code = 503
    default_detail = "The ledger cannot be read now; the log of the control plane says why."
    default_code = "ledger_unavailable"


class _Raw(BaseRenderer):
    """Bytes and texts as they are; problems, which name their own type, as JSON."""

    def render(self, data: Any, *_args: Any, **_more: Any) -> bytes:
        if isinstance(data, bytes):
            return data
        return data.encode() if isinstance(data, str) else orjson.dumps(data)


class TextRenderer(_Raw):
    """Notes and proofs."""

    media_type, format, charset = "text/plain", "txt", "utf-8"


class TileRenderer(_Raw):
    """Tiles and entry bundles."""

    media_type, format, charset, render_style = "application/octet-stream", "bin", None, "binary"


class ConsistencySerializer(serializers.Serializer[Any]):
    """That the first `old` leaves are the beginning of the first `new`. Hashes are base64."""

    old = serializers.IntegerField(min_value=0)
    new = serializers.IntegerField(min_value=0)
    old_root = serializers.CharField()
    new_root = serializers.CharField()
    proof = serializers.ListField(child=serializers.CharField())


class AuditTreeViewSet(GuardedView, viewsets.GenericViewSet[AuditRecord]):
    """Proofs that the audit is complete and unchanged. They are about all records of this node, so
    a grant of the action `audit` for one collection does not reach them.
    """

    gate_actions = dict.fromkeys(("checkpoint", "proof", "consistency", "tile"), "audit")
    query_parameters = {"consistency": ("old", "new")}
    queryset = AuditRecord.objects.none()
    pagination_class = None
    filter_backends = []
    lookup_value_regex = r"[a-z0-9.-]+:[0-9]{1,18}"

    @extend_schema(
        summary="The newest checkpoint of this node: a signed note",
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    @action(detail=False, renderer_classes=[TextRenderer])
    def checkpoint(self, _request: Request) -> Response:
        """How many records the tree holds and its root hash, signed (C2SP tlog-checkpoint)."""
        with _reading() as tree:
            return Response(tree.checkpoint_text(), headers={"Cache-Control": "no-cache"})

    @extend_schema(
        summary="That a record stands in the tree",
        parameters=[OpenApiParameter("id", str, "path", description="`node:leaf`")],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    @action(detail=True, renderer_classes=[TextRenderer])
    def proof(self, _request: Request, pk: str) -> Response:
        """Inclusion proof with the newest checkpoint (C2SP tlog-proof). 404 for a record of another
        node, whose own server proves it, and for one not yet under a checkpoint.
        """
        node, _colon, leaf = pk.rpartition(":")
        if node != review_parts.get().node:
            raise Http404
        with _reading() as tree:
            return Response(tree.tlog_proof(int(leaf)))

    @extend_schema(
        summary="That an older tree is the beginning of a newer one",
        parameters=[
            OpenApiParameter("old", {"type": "integer", "minimum": 0}, required=True),
            OpenApiParameter(
                "new", {"type": "integer", "minimum": 0}, description="Default: the newest size."
            ),
        ],
        responses=ConsistencySerializer,
    )
    @action(detail=False)
    def consistency(self, request: Request) -> Response:
        """Consistency proof between two sizes (RFC 9162, 2.1.4)."""
        with _reading() as tree:
            old = _size(request, "old", None)
            new = _size(request, "new", tree.checkpoint().size)
            try:
                proof = tree.consistency(old, new)
            except NotInTreeError as error:
                raise ValidationError({"new" if old <= new else "old": [str(error)]}) from error
            given = {"old": old, "new": new, "proof": [_base64(each) for each in proof]}
            roots = {"old_root": _base64(tree.root(old)), "new_root": _base64(tree.root(new))}
        return Response({**given, **roots})

    @extend_schema(
        summary="A hash tile or entry bundle, for monitors",
        parameters=[
            OpenApiParameter(
                "name",
                {"type": "string", "pattern": r"^(entries|[0-9]+)/[0-9x/]+(\.p/[0-9]+)?$"},
                "path",
                description="As C2SP tlog-tiles spells it: `0/x001/234`, `entries/005.p/44`.",
            )
        ],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    @action(detail=False, url_path="tile/(?P<name>[a-z0-9/.]+)", renderer_classes=[TileRenderer])
    def tile(self, _request: Request, name: str) -> Response:
        """Hashes of one level (C2SP tlog-tiles), or the bodies of up to 256 records."""
        try:
            level, number, width = parse_tile_path(name)
        except ValueError:
            raise Http404 from None
        with _reading() as tree:
            if level is None:
                raw = pack(tree.bundle(number, width), ">H")
            else:
                raw = tree.tile(level, number, width)
        return Response(raw, headers={"Cache-Control": FOR_EVER})


@contextmanager
def _reading() -> Iterator[TreeReader]:
    """This node's tree; what it raises as an answer. Raises Http404, LedgerUnavailable."""
    try:
        yield TreeReader(review_parts.get().ledger)
    except (NotInTreeError, NoCheckpointError) as error:
        raise Http404 from error
    except (LedgerDamagedError, OSError) as error:
        log.exception("ledger_unreadable")
        raise LedgerUnavailable from error


def _size(request: Request, name: str, default: int | None) -> int:
    given = request.query_params.get(name)
    if given is None and default is not None:
        return default
    if given is None or not (given.isascii() and given.isdecimal() and len(given) <= 18):
        raise ValidationError({name: [_("A number of leaves, 0 or more.")]})
    return int(given)


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
