"""The description, taken at its word: what it allows is asked, and the answers are as it says."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.catalog import Library
from tests.support.description import described
from tests.support.plane import DataPlane

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
FEW = settings(
    max_examples=8,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
pytestmark = pytest.mark.django_db
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """The end of a request leaves the test's transaction alone, as with Django's own client."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


def operations(prefix: str) -> list[tuple[str, str]]:
    return sorted(
        (path, method)
        for path, methods in described()["paths"].items()
        for method in methods
        if path.startswith("/api/v1/") == (prefix == "control")
    )


@cache
def read_description(*, app: bool) -> Any:
    """For a plane that is called in this process, and for one that is not."""
    return schemathesis.openapi.from_dict(described())


def ask(path: str, method: str, key: str, **to: Any) -> None:
    """Cases that the description allows and cases that it does not."""
    schema = read_description(app="app" in to)
    schema.app = to.pop("app", None)
    operation = schema[path][method.upper()]
    assert operation.app is schema.app
    allowed = operation.as_strategy()
    wrong = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)

    @FEW
    @given(case=st.one_of(allowed, wrong))
    def run(case: schemathesis.Case) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        case.call_and_validate(headers=headers, checks=CHECKS, **to)

    run()


@pytest.mark.parametrize(("path", "method"), operations("data"))
def test_the_data_plane_answers_as_described(
    shared_data_plane: DataPlane, path: str, method: str
) -> None:
    ask(path, method, shared_data_plane.api_key, base_url=shared_data_plane.url)


@pytest.mark.parametrize(("path", "method"), operations("control"))
def test_the_control_plane_answers_as_described(
    kept_connection: None, control_plane: Library, path: str, method: str
) -> None:
    ask(path, method, control_plane.home.api_key, app=get_wsgi_application())
