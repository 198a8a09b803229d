"""The renderings, made once, and judged anew by each test."""

import copy
from functools import cache

import pytest

from k8s import render
from k8s.render import Rendering


@cache
def rendered(overlay: str) -> str:
    """An overlay's text."""
    return render.kustomize(overlay)


@cache
def _objects(overlay: str) -> Rendering:
    return render.read(overlay, rendered(overlay))


@pytest.fixture
def overlay():
    """Give an overlay's objects, a test's own to break."""
    return lambda name: copy.deepcopy(_objects(name))
