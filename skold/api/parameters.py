"""Which query parameters a view knows. An unknown one is refused, never overlooked: a misspelt
filter would otherwise answer with everybody's records.
"""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request


def check_parameters(request: Request, view: Any) -> None:
    """Raise ValidationError naming the unknown parameters of a GET or HEAD, and the known ones."""
    if request.method not in {"GET", "HEAD"}:
        return
    known = known_parameters(view)
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        listed = ", ".join(sorted(known)) or _("none")
        text = _("There is no such parameter. There are: %(known)s.") % {"known": listed}
        raise ValidationError({name: [text] for name in unknown})


def known_parameters(view: Any) -> set[str]:
    """Those the view declares for its action, and for a list those of its filters and pages."""
    name = getattr(view, "action", None) or (view.request.method or "").lower()
    declared = view.query_parameters.get("get" if name == "head" else name, ())
    if name == "retrieve":
        return set(declared)
    return {*declared, *_filters(view), *_pages(view)}


def _filters(view: Any) -> Iterator[str]:
    for backend in getattr(view, "filter_backends", ()):
        if hasattr(backend, "get_filterset_class"):
            filterset = backend().get_filterset_class(view, getattr(view, "queryset", None))
            yield from filterset.base_filters if filterset else ()


def _pages(view: Any) -> Iterator[str]:
    paginator = getattr(view, "paginator", None)
    for parameter in paginator.get_schema_operation_parameters(view) if paginator else ():
        yield parameter["name"]
