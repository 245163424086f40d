"""One OpenAPI document over both planes, true to both, and a page that asks nobody else."""

import json
import re
from io import StringIO

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from drf_spectacular.validation import validate_schema

from contentserver import __version__
from contentserver.api.data_plane_openapi import paths
from contentserver.delivery.app import DataPlane
from contentserver.protocol.problems import TYPE_BASE
from tests.support.description import described

pytestmark = pytest.mark.django_db


def test_the_document_is_valid_openapi_and_served() -> None:
    answer = Client().get("/api/v1/schema/")
    assert answer.status_code == 200
    served = yaml.safe_load(answer.content)
    validate_schema(served)
    assert served["paths"].keys() == described()["paths"].keys()


def test_it_has_the_version_of_the_package() -> None:
    assert described()["info"]["version"] == __version__


def test_the_operations_of_the_audit_say_what_they_do() -> None:
    made = described()["paths"]
    for path in ("/api/v1/audit", "/api/v1/audit/{id}"):
        assert made[path]["get"]["summary"]


def test_the_command_prints_the_same_document() -> None:
    printed = StringIO()
    call_command("spectacular", stdout=printed)
    assert yaml.safe_load(printed.getvalue()) == yaml.safe_load(
        Client().get("/api/v1/schema/").content
    )


def test_it_describes_every_route_of_the_data_plane_and_no_other() -> None:
    described = {(path, method.upper()) for path, methods in paths().items() for method in methods}
    # The table of a running server; handlers are not called, so no parts are needed.
    routes = {(route.path, route.method) for route in DataPlane.table(None)}  # type: ignore[arg-type]
    health = {("/healthz", "GET"), ("/readyz", "GET"), ("/metrics", "GET")}
    assert described == routes | health


def test_every_operation_says_which_credential_it_takes() -> None:
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            assert "security" in operation, (method, path)
            open_to_all = operation["security"] in ([], [{}])
            assert open_to_all == (operation["tags"] == ["operation"]), (method, path)


def test_every_refusal_is_described_as_a_problem() -> None:
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            if operation["tags"] != ["operation"]:
                content = operation["responses"]["404"]["content"]
                assert list(content) == ["application/problem+json"], (method, path)
    assert TYPE_BASE in json.dumps(described())


def test_the_page_is_made_of_local_assets_alone() -> None:
    page = Client().get("/api/v1/docs/").content.decode()
    assert "swagger-ui-bundle.js" in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
