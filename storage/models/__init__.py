"""The tables, one module per noun. Importing this package imports every table.

Alembic, the database copy, the vault, the rights of database roles and key rotation read the schema from here
only: a table whose module is not imported below does not exist for them.

Columns that hold secrets are named `*_sealed` and are bytes; bearer secrets that are only compared (states,
cookies, tickets) are stored as SHA-256 and named `*_hash`. Ids are random and prefixed (`org_...`), so that a
log line shows what an id is and no id can be guessed. Times are timezone-aware UTC; the database's
clock decides what has expired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlmodel import SQLModel

from storage.models.access_requests import AccessRequest
from storage.models.accounts import BLOCKED, LEFT_OUT, NOT_SHOWN, Account, AccountFacts
from storage.models.alert_settings import AlertSettings
from storage.models.attempts import AttemptOutcome, ConnectionAttempt
from storage.models.audit import AuditLine
from storage.models.beats import Beat
from storage.models.canaries import Canary
from storage.models.channels import ChannelRequest
from storage.models.columns import Utc, digest, new_id, new_secret, utc_now
from storage.models.deliveries import BEFORE_SENDING, Delivery, DeliveryStatus, DeliveryStep, StepStatus
from storage.models.discoveries import Discovery, FoundAccount
from storage.models.draft_links import DraftLink
from storage.models.grants import (
    CODE_LENGTH,
    FRESH,
    GRANT_DEAD,
    IN_DOUBT,
    REJECTED,
    UNWELL,
    Grant,
    GrantHolder,
    GrantStatus,
)
from storage.models.grid_homes import GridHome
from storage.models.incidents import Incident, IncidentCard, IncidentKind, LateAnswer, Resolution
from storage.models.installations import Installation, InstallState
from storage.models.invitations import Invitation
from storage.models.join_codes import JoinCode
from storage.models.media import MediaAddress, MediaPreview, MediaRemoval, PostFile, StoredFile
from storage.models.memberships import Membership, Role
from storage.models.operator_alerts import OperatorAlert
from storage.models.organizations import Organization
from storage.models.outbox import OWED, Notice
from storage.models.places import Place
from storage.models.planning import AccountSet, AccountSlots
from storage.models.posts import Draft, Post
from storage.models.publishing_uses import PublishingUse
from storage.models.rate_limits import AppRateLimit
from storage.models.revocations import Deletion, Revocation
from storage.models.seen_requests import SeenRequest
from storage.models.sign_ins import Browser, SignIn
from storage.models.submissions import Submission, SubmissionStatus
from storage.models.tallies import VerdictTally
from storage.models.tickets import Ticket
from storage.models.uploads import Upload, UploadPiece, UploadState
from storage.models.workspaces import ChannelDefault, Workspace, WorkspaceLink

if TYPE_CHECKING:
    from sqlalchemy import MetaData, Table

__all__ = [
    "BEFORE_SENDING",
    "BLOCKED",
    "CODE_LENGTH",
    "FRESH",
    "GRANT_DEAD",
    "IN_DOUBT",
    "LEFT_OUT",
    "NOT_SHOWN",
    "OWED",
    "REJECTED",
    "UNWELL",
    "AccessRequest",
    "Account",
    "AccountFacts",
    "AccountSet",
    "AccountSlots",
    "AlertSettings",
    "AppRateLimit",
    "AttemptOutcome",
    "AuditLine",
    "Beat",
    "Browser",
    "Canary",
    "ChannelDefault",
    "ChannelRequest",
    "ConnectionAttempt",
    "Deletion",
    "Delivery",
    "DeliveryStatus",
    "DeliveryStep",
    "Discovery",
    "Draft",
    "DraftLink",
    "FoundAccount",
    "Grant",
    "GrantHolder",
    "GrantStatus",
    "GridHome",
    "Incident",
    "IncidentCard",
    "IncidentKind",
    "InstallState",
    "Installation",
    "Invitation",
    "JoinCode",
    "LateAnswer",
    "MediaAddress",
    "MediaPreview",
    "MediaRemoval",
    "Membership",
    "Notice",
    "OperatorAlert",
    "Organization",
    "Place",
    "Post",
    "PostFile",
    "PublishingUse",
    "Resolution",
    "Revocation",
    "Role",
    "SeenRequest",
    "SignIn",
    "StepStatus",
    "StoredFile",
    "Submission",
    "SubmissionStatus",
    "Ticket",
    "Upload",
    "UploadPiece",
    "UploadState",
    "Utc",
    "VerdictTally",
    "Workspace",
    "WorkspaceLink",
    "digest",
    "every_table",
    "metadata",
    "new_id",
    "new_secret",
    "utc_now",
]


def metadata() -> MetaData:
    """Return the whole schema as the models describe it."""
    return SQLModel.metadata


def every_table() -> list[Table]:
    """Return all tables, each after the tables that it refers to."""
    return SQLModel.metadata.sorted_tables
