"""LinkedIn as a whole."""

from __future__ import annotations

from sandbox.platforms.linkedin.sign_in import LinkedInSignIn


class LinkedInSimulator(LinkedInSignIn):
    """www.linkedin.com and api.linkedin.com."""
