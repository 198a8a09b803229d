"""Where in the portal its reader finds what a message is about."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from services.notifications.domain.roles import SELLER_ROLES

_OF_THE_BUYER: Mapping[str, str] = {
    "application": "/credit/application/",
    "order": "/orders/",
    "invoice": "/invoices/",
    "dispute": "/disputes/",
    "onboarding": "/start?account=",
}
_OF_THE_SELLER: Mapping[str, str] = {
    "application": "/desk/applications/",
    "order": "/desk/credit/orders/",
    "dispute": "/desk/disputes/",
    "payment": "/desk/cash/payments/",
    "onboarding": "/desk/accounts/",
}


def root(portal: str, tenant: str) -> str:
    """Where a seller's portal begins."""
    return portal.replace("{tenant}", tenant).rstrip("/")


def link(portal: str, row: Any) -> str:
    """The page of what a message is about, else where its reader begins; nothing where there is no portal."""
    if not portal:
        return ""
    of_the_seller = row.role in SELLER_ROLES
    kind, _, key = row.about.partition("/")
    page = (_OF_THE_SELLER if of_the_seller else _OF_THE_BUYER).get(kind)
    path = f"{page}{quote(key, safe='')}" if page and key else "/desk" if of_the_seller else "/"
    return root(portal, row.tenant) + path
