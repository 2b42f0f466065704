"""Every table there is: what a copy, a key rotation, a grant of rights and a new revision have to go through.

A model's table is known only once its module is imported, so this is the one place that imports them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import SQLModel

from storage import grid_models, incident_models, invitation_models, models, post_models

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table

MODULES = (models, grid_models, incident_models, invitation_models, post_models)
"""The modules with models. A test finds any other."""


def metadata() -> MetaData:
    """Return what the models say about the whole schema."""
    return SQLModel.metadata


def every_table() -> list[Table]:
    """Return all tables, those that others refer to before the others."""
    return SQLModel.metadata.sorted_tables
