"""The two requests of the old system that the benchmark makes."""

import hashlib

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from benchmarks.legacy.chunks import cut, join
from benchmarks.legacy.models import ApiKey, Chunk, Record


def photo(request: HttpRequest) -> HttpResponse:
    """GET /photo?id=7: check the key, find the record, join its chunks."""
    if not _is_allowed(request):
        return HttpResponse(status=401)
    record = Record.objects.filter(pk=request.GET["id"]).first()
    if record is None:
        return HttpResponse(status=404)
    chunks = record.chunks.order_by("position").values_list("data", flat=True)
    return HttpResponse(join(chunks), content_type=record.media_type)


def store(request: HttpRequest, name: str) -> HttpResponse:
    """PUT /store/<name>: cut the body into chunks, compress and insert them in one transaction."""
    if not _is_allowed(request):
        return HttpResponse(status=401)
    body = memoryview(request.body)
    with transaction.atomic():
        record = Record.objects.create(name=name, media_type="image/jpeg", size=len(body))
        Chunk.objects.bulk_create(
            Chunk(record=record, position=n, data=chunk) for n, chunk in enumerate(cut(body))
        )
    return HttpResponse(status=201)


def _is_allowed(request: HttpRequest) -> bool:
    key = request.headers.get("Authorization", "").removeprefix("Bearer ")
    digest = hashlib.sha256(key.encode()).hexdigest()
    return ApiKey.objects.filter(sha256=digest, enabled=True).exists()
