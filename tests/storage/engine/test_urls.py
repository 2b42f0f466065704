"""A database URL that cannot be used is refused in words that hold nothing of it."""

from __future__ import annotations

import pytest

from storage.engine import urls


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hunter22",
        "mysql://octapost:hunter22@db/octapost",
        "postgresql://octapost:hunter22@db/octapost",
        "postgresql+asyncpg://octapost:hunter22@[::1/octapost",
        "postgresql+asyncpg://octapost@db:hunter22/octapost",
        "postgresql+asyncpg://octapost@db/octapost?sslmode=hunter22",
    ],
)
def test_a_url_that_no_driver_of_ours_takes_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(not the URL of a database: write|has a parameter)") as refused:
        urls.checked(url)

    assert "hunter22" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql+asyncpg://octapost:hunter%4022@db:5432/octapost?ssl=require", "hunter@22"),
        ("postgresql+asyncpg://octapost:[hunter22@db/octapost", "[hunter22"),
        ("postgresql+asyncpg://octapost:/hunter22@db/octapost", "/hunter22"),
        ("sqlite+aiosqlite:////data/octapost.sqlite3", None),
        ("sqlite+aiosqlite:///octapost.sqlite3", None),
    ],
)
def test_a_url_that_can_be_used_tells_its_password_apart(url: str, password: str | None) -> None:
    found = urls.secrets_in(url)

    assert urls.checked(url).password == password
    assert found == ([url, password] if password else [])
