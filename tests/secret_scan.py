"""Secrets that somebody wrote into the repository: `uv run python -m tests.secret_scan` exits 1 and names them.

Only what has the shape of a credential is looked for (a platform's token, a private key, a password in a URL,
a vault key ring): by name or by entropy half of the tests, which are made of made-up secrets, would be found.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).parent.parent
DETECTORS = (
    "ArtifactoryDetector",
    "AWSKeyDetector",
    "AzureStorageKeyDetector",
    "BasicAuthDetector",
    "CloudantDetector",
    "DiscordBotTokenDetector",
    "GitHubTokenDetector",
    "GitLabTokenDetector",
    "IbmCloudIamDetector",
    "IbmCosHmacDetector",
    "JwtTokenDetector",
    "MailchimpDetector",
    "NpmDetector",
    "OpenAIDetector",
    "PrivateKeyDetector",
    "PypiTokenDetector",
    "SendGridDetector",
    "SlackDetector",
    "SoftlayerDetector",
    "SquareOAuthDetector",
    "StripeDetector",
    "TelegramBotTokenDetector",
    "TwilioKeyDetector",
)
KEY_RING = re.compile(r"\b[0-9]{1,5}:[A-Za-z0-9+/]{43}=")
MADE_UP = frozenset({"database-canary", "owner-canary", "secret", "hunter22", "hunter%4022"})
"""Passwords in URLs of tests."""


def committed(root: Path = ROOT) -> Iterator[Path]:
    """Yield every file that is under version control or could be: what .gitignore names may hold real secrets."""
    lines = [line.strip("/") for line in (root / ".gitignore").read_text().splitlines()]
    ignored = [".git", *(line for line in lines if line and not line.startswith("#"))]
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not _any(name, ignored))
        yield from (Path(folder) / name for name in sorted(files) if not _any(name, ignored))


def _any(name: str, patterns: list[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in patterns)


def found(files: Iterable[Path]) -> Iterator[str]:
    """Yield the place and the kind of each secret, never the secret itself."""
    with transient_settings({"plugins_used": [{"name": name} for name in DETECTORS]}):
        for file in files:
            for secret in scan_file(str(file)):
                if secret.secret_value not in MADE_UP:
                    yield f"{file}:{secret.line_number}: {secret.type}"
            lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            for number, line in enumerate(lines, start=1):
                if KEY_RING.search(line):
                    yield f"{file}:{number}: Vault key ring"


def main() -> int:
    """Scan what is committed and return the exit code."""
    files = list(committed())
    secrets = list(found(files))
    print("\n".join([*secrets, f"{len(files)} files, {len(secrets)} secrets"]))
    return bool(secrets)


if __name__ == "__main__":
    sys.exit(main())
