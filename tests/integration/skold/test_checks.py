"""A route without a policy cannot be registered."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.urls import path
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from skold import checks
from skold.api.guard import GuardedRouter, GuardedView, undeclared


class Bare(ViewSet):
    def list(self, request: object) -> None: ...


class Forgotten(GuardedView, ViewSet):
    gate_actions = {"list": "read"}

    def list(self, request: object) -> None: ...

    def destroy(self, request: object) -> None: ...


class Misspelt(GuardedView, APIView):
    gate_actions = {"get": "reed"}

    def get(self, request: object) -> None: ...


class Declared(GuardedView, APIView):
    gate_actions = {"get": "read"}

    def get(self, request: object) -> None: ...


@pytest.mark.parametrize(("view", "named"), [(Bare, "GuardedView"), (Forgotten, "destroy")])
def test_the_router_refuses_what_nobody_declared(view: type, named: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=named):
        GuardedRouter().register("things", view, "thing")


def test_the_check_finds_views_that_went_past_the_router() -> None:
    patterns = [
        path("bare", Bare.as_view({"get": "list"})),
        path("misspelt", Misspelt.as_view()),
        path("declared", Declared.as_view()),
    ]
    found = [(route, names) for route, _view, names in checks.iter_unguarded(list(patterns))]
    assert [route for route, _names in found] == ["bare", "misspelt"]
    assert found[1][1] == ["get"]


def test_every_route_of_the_product_is_declared() -> None:
    assert checks.check_routes() == []


def test_an_unknown_action_is_no_declaration() -> None:
    assert undeclared(Misspelt) == ["get"]
    assert undeclared(Declared) == []
