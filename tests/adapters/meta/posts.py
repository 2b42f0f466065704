"""What the tests of publishing on Facebook and Instagram share."""

from __future__ import annotations

from urllib.parse import parse_qs

import httpx

from adapters.base import Client, Tokens
from tests.publishing import Delivery


def delivery_of(client: Client, account_id: str, token: str = "EAAGpage") -> Delivery:
    """Return a delivery to an account, with the token of its Page."""
    tokens = Tokens(access_token=token)
    return Delivery(client=client, tokens=tokens, account_id=account_id, handle="@bluedoorbakery")


def form_of(request: httpx.Request) -> dict[str, str]:
    """Return the fields of a form that was sent."""
    return {key: values[0] for key, values in parse_qs(request.content.decode()).items()}
