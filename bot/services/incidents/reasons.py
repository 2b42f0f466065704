"""Why an account needs a person, where the product itself says so. Platforms have codes of their own."""

from __future__ import annotations

DATA_ACCESS = "data_access"
"""The platform stops showing its data some time after a sign-in; the sign-in itself still works."""
SCOPE_LOST = "scope_lost"
"""The permission to publish was not granted at the last sign-in."""
ROLE_LOST = "role_lost"
"""Whoever signed in last has no role there that may publish."""
EXPIRED = "expired"
"""The sign-in reached its end, and only a person can renew it."""
