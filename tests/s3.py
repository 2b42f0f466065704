"""An S3 server on this machine, in a process of its own: moto's."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import httpx

from storage.media_store import MediaStore
from tests.patience import PATIENCE_S

HOST, BUCKET = "127.0.0.1", "octapost-test"
VARIABLES = {
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "eu-central-1",
    "AWS_PROFILE": "ours",  # what operators have in their environment, and obstore has never heard of
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """A running server with one bucket."""

    endpoint: str

    def store(self, bucket: str = BUCKET) -> MediaStore:
        """Return a store in a folder of the bucket."""
        return MediaStore(f"s3://{bucket}/media/files", self.endpoint, VARIABLES)

    def settings(self) -> dict[str, str]:
        """Return the variables of an installation that has its files here."""
        ours = {"OCTAPOST_MEDIA_URL": f"s3://{BUCKET}/media/files", "OCTAPOST_MEDIA_ENDPOINT": self.endpoint}
        return VARIABLES | ours

    async def keys(self) -> list[str]:
        """Return the keys of all objects in the bucket."""
        async with httpx.AsyncClient() as http:
            listed = (await http.get(f"{self.endpoint}/{BUCKET}")).text
        return [part.partition("</Key>")[0] for part in listed.split("<Key>")[1:]]


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Run a server until the block ends."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    command = sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as running:  # noqa: S603 - ours
        try:
            server = S3Server(endpoint=f"http://{HOST}:{port}")
            _make_bucket(server, running)
            yield server
        finally:
            running.kill()


def _make_bucket(server: S3Server, running: subprocess.Popen[bytes]) -> None:
    """Make the bucket, as soon as the server answers."""
    deadline = time.monotonic() + PATIENCE_S
    while running.poll() is None and time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            httpx.put(f"{server.endpoint}/{BUCKET}").raise_for_status()
            return
        time.sleep(0.05)
    raise ConnectionError("the S3 server did not start")
