"""How the platforms' refreshes ended, minute by minute."""

from __future__ import annotations

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel


class VerdictTally(SQLModel, table=True):
    """How a platform's refreshes ended in one minute: what the breaker counts. Shared by all processes."""

    __table_args__ = (Index("verdict_tally_minute", "minute"),)
    __tablename__ = "verdict_tally"
    platform: str = Field(primary_key=True)
    minute: int = Field(primary_key=True, sa_type=BigInteger)
    """Unix time divided by 60."""
    fresh: int = 0
    dead: int = 0
    busy: int = 0
    other: int = 0
