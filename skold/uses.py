"""When credentials opened something last: the copier keeps it beside the audit."""

from typing import Any, TypeVar

from django.db.models import CharField, F, Model, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Cast, Concat

from skold.models import CredentialUse

M = TypeVar("M", bound=Model)


def with_last_use(rows: QuerySet[M], *words: str) -> QuerySet[M]:
    """The rows with `last_used_at` (None: never, as far as the copy of the audit goes).

    `words` make up the name that records give the credential: texts, or `@field` of the row.
    """
    parts = [_part(word) for word in words or ("", "@pk")]
    named = rows.annotate(credential_name=Concat(*parts, output_field=CharField()))
    used = CredentialUse.objects.filter(credential=OuterRef("credential_name"))
    annotated: QuerySet[M] = named.annotate(last_used_at=Subquery(used.values("last_used_at")[:1]))
    return annotated


def _part(word: str) -> Any:
    return Cast(F(word[1:]), CharField()) if word.startswith("@") else Value(word)
