"""How an account is doing, as codes and facts: what is the matter, since when, and what a person can do.

`/octapost status`, `/octapost doctor`, account cards, the home tab and the digest all show this diagnosis, so
they cannot contradict each other. It calls no platform: it reads what the last answers left in the database.
`bot.views.diagnosis` puts it into words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from adapters.base import BY_PLATFORM, Capability
from bot.services.accounts.catalog import OVER
from bot.services.accounts.health import NO_OUTAGE, PlatformHealth
from bot.services.accounts.problems import CONSEQUENCES, FORBIDDEN, Problem, Remedy, Severity
from bot.services.incidents.reasons import DATA_ACCESS
from bot.services.tokens.lifetimes import (
    RENEWS,
    Expiry,
    Lifetime,
    ends_at,
    lapsed,
    lifetime,
    only_data_ends,
    works_until,
)
from bot.services.tokens.policy import ACCOUNTS_ONLY, REFUSED, refused_for_long, renewable
from storage.models import REJECTED, GrantStatus

if TYPE_CHECKING:
    from adapters.base import Platform, Scope
    from bot.services.accounts.catalog import PlatformCatalog
    from storage.models import Account, Grant

SOON = timedelta(days=14)
"""How long before its end a grant counts as ending: the first day of the usual reminders."""
OVERDUE = timedelta(hours=1)
MOST_UNANSWERED = 3
"""So many refreshes in a row must fail before anybody is told: two are normal."""
UNANSWERED = frozenset({"Busy", "OutcomeUnknown", "TokenRefused", "Rejected"})
"""The outcomes that say nothing about the grant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What is the matter with one account, and the facts that its sentence needs."""

    platform: Platform
    account: str
    """Its name."""
    problem: Problem = Problem.NONE
    since: datetime | None = None
    code: str = ""
    """The platform's code or ours: the reason, and for the small print."""
    site: str = ""
    """The page where the person has something to do first."""
    lifetime: Lifetime = RENEWS
    renewable: bool = True
    """The grant is refreshed; otherwise it is only checked."""
    failures: int = 0
    """How many refreshes or checks failed in a row."""
    scopes: tuple[str, ...] = ()
    """The scopes without which it cannot publish."""

    @property
    def severity(self) -> Severity:
        """How much the account needs somebody."""
        return CONSEQUENCES[self.problem][0]

    @property
    def remedy(self) -> Remedy:
        """What a person can do about it."""
        return CONSEQUENCES[self.problem][1]

    @property
    def fine(self) -> bool:
        """Tell whether nothing at all is the matter."""
        return self.severity is Severity.GREEN

    @property
    def broken(self) -> bool:
        """Tell whether nothing can be published until somebody acts."""
        return self.severity is Severity.RED

    @property
    def forbidden(self) -> bool:
        """Tell whether it is connected, but may not publish until somebody signs in with more rights."""
        return self.problem in FORBIDDEN


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """Everything that a diagnosis looks at."""

    account: Account
    grant: Grant | None
    platform: Platform
    can: frozenset[Capability]
    missing: Sequence[Scope]
    """The scopes that were not granted."""
    configured: bool = True
    """This installation still has the app that the account was connected with."""
    health: PlatformHealth = NO_OUTAGE
    warned: bool = False
    """A card already says that it needs somebody."""


def state_of(
    catalog: PlatformCatalog,
    account: Account,
    grant: Grant | None,
    *,
    health: PlatformHealth = NO_OUTAGE,
    warned: bool = False,
) -> AccountState:
    """Return an account's state on this installation."""
    return AccountState(
        account=account,
        grant=grant,
        platform=catalog.platform(account.platform),
        can=catalog.capabilities(account, grant),
        missing=catalog.missing_scopes(account, grant),
        configured=catalog.is_configured(account.platform, account.app),
        health=health,
        warned=warned,
    )


def diagnose(state: AccountState, now: datetime | None = None) -> Diagnosis:
    """Return what is the matter with an account. Of several problems, it is the one to solve first."""
    now, grant = now or datetime.now(UTC), state.grant
    found = Diagnosis(platform=state.platform, account=state.account.name)
    if grant is None or grant.status in OVER or lapsed(state.platform, grant, now):
        return _over(found, grant)
    if state.account.access_error:
        lost, since = state.account.access_error, state.account.suspected_at
        problem = Problem.ACCOUNT_BLOCKED if lost in BY_PLATFORM else Problem.ACCOUNT_LOST
        return replace(found, problem=problem, since=since, code=lost)
    found = replace(
        found,
        lifetime=lifetime(state.platform, grant, now),
        renewable=renewable(state.platform, grant),
        failures=grant.failures,
    )
    examination = _Examination(state=state, grant=grant, now=now, found=found)
    checked = (check(examination) for check in CHECKS)
    return next((each for each in checked if each is not None), found)


def worst(found: Sequence[Diagnosis]) -> Severity:
    """Return the highest severity of all."""
    severities = {each.severity for each in found}
    by_weight = (Severity.RED, Severity.ORANGE, Severity.YELLOW, Severity.WAITING)
    return next((one for one in by_weight if one in severities), Severity.GREEN)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Examination:
    """One look at an account whose grant works."""

    state: AccountState
    grant: Grant
    now: datetime
    found: Diagnosis
    """A diagnosis without a problem, for the checks to complete."""


def _over(found: Diagnosis, grant: Grant | None) -> Diagnosis:
    if grant is None or grant.status == GrantStatus.ENDED:
        return replace(found, problem=Problem.GRANT_REMOVED, code="removed")
    if grant.status != GrantStatus.NEEDS_RECONNECT:
        return replace(found, problem=Problem.GRANT_EXPIRED, since=works_until(grant), code="expired")
    site = found.platform.sign_in_first.get(grant.reason, "")
    return replace(
        found,
        problem=Problem.GRANT_REFUSED if grant.reason == REFUSED else Problem.GRANT_DEAD,
        since=grant.checked_at,
        code=grant.reason if grant.reason != REFUSED else grant.last_error_code,
        site=f"https://www.{site}/" if site else "",
    )


def _setup(one: _Examination) -> Diagnosis | None:
    """What only the operator can solve, and what is not finished yet."""
    grant = one.grant
    if not one.state.configured:
        return replace(one.found, problem=Problem.NOT_CONFIGURED, code="no_credentials")
    if grant.status == GrantStatus.PENDING:
        return replace(one.found, problem=Problem.UNFINISHED)
    if grant.last_outcome == "Misconfigured":
        return replace(
            one.found, problem=Problem.APP_REFUSED, since=grant.checked_at, code=grant.last_error_code
        )
    return None


def _platform(one: _Examination) -> Diagnosis | None:
    """What concerns the whole platform."""
    health = one.state.health
    if health.silent_since is not None:
        return replace(one.found, problem=Problem.PLATFORM_SILENT, since=health.silent_since, code="outage")
    if health.doubted:
        return replace(one.found, problem=Problem.PLATFORM_DOUBTED, code="breaker_open")
    return None


def _publishing(one: _Examination) -> Diagnosis | None:
    state = one.state
    if Capability.PUBLISH in state.can:
        return None
    by_role = str(Capability.PUBLISH) in state.account.missing
    return replace(
        one.found,
        problem=Problem.ROLE_FORBIDS if by_role else Problem.SCOPE_FORBIDS,
        site=state.account.url,
        scopes=tuple(scope.name for scope in state.missing if Capability.PUBLISH in scope.unlocks),
    )


def _suspected_account(one: _Examination) -> Diagnosis | None:
    since = one.state.account.suspected_at
    if since is None:
        return None
    return replace(one.found, problem=Problem.ACCOUNT_SUSPECTED, since=since, code="suspected")


def _uncertain(one: _Examination) -> Diagnosis | None:
    """What a platform said that is not the whole truth, or is checked again."""
    grant = one.grant
    found = replace(one.found, code=grant.last_error_code)
    if grant.last_outcome == ACCOUNTS_ONLY:
        return replace(found, problem=Problem.ACCOUNTS_ONLY, since=grant.checked_at)
    if grant.suspected_at is not None:
        return replace(found, problem=Problem.GRANT_SUSPECTED, since=grant.suspected_at)
    if grant.in_doubt:
        return replace(found, problem=Problem.REFRESH_IN_DOUBT, since=grant.checked_at)
    if one.state.platform.account_tokens and (grant.access_expires_at or one.now) < one.now:
        return replace(one.found, problem=Problem.ACCESS_EXPIRED, since=grant.access_expires_at)
    return None


def _ending(one: _Examination) -> Diagnosis | None:
    """A grant that a person has to renew soon; earlier where a card has already asked."""
    platform, grant = one.state.platform, one.grant
    end = ends_at(platform, grant)
    if end is None or (end - one.now > SOON and not one.state.warned):
        return None
    if not only_data_ends(platform, grant):
        return replace(one.found, problem=Problem.ENDING, code="ends")
    if end <= one.now:
        return replace(one.found, problem=Problem.DATA_ENDED, since=end, code=DATA_ACCESS)
    left = Lifetime(Expiry.ENDS, end - one.now)
    return replace(one.found, problem=Problem.DATA_ENDING, code=DATA_ACCESS, lifetime=left)


def _overdue(one: _Examination) -> Diagnosis | None:
    due, now = one.grant.due_at, one.now
    if due is None or now - due <= OVERDUE or (one.grant.lease_until or now) > now:
        return None
    return replace(one.found, problem=Problem.OVERDUE, since=due, code="overdue")


def _refused(one: _Examination) -> Diagnosis | None:
    """A refusal that has gone on for hours without a person being asked: the whole app is refused."""
    grant = one.grant
    if one.found.renewable and refused_for_long(grant, grant.last_error_code, one.now):
        ended = grant.access_expires_at
        return replace(one.found, problem=Problem.REFUSED_ALIKE, since=ended, code=grant.last_error_code)
    return None


def _unanswered(one: _Examination) -> Diagnosis | None:
    grant = one.grant
    if grant.last_outcome not in UNANSWERED or grant.failures < MOST_UNANSWERED:
        return None
    problem = Problem.REFUSED if grant.last_outcome == REJECTED else Problem.UNANSWERED
    return replace(one.found, problem=problem, since=grant.checked_at, code=grant.last_error_code)


def _missing_scopes(one: _Examination) -> Diagnosis | None:
    return replace(one.found, problem=Problem.SCOPES_MISSING) if one.state.missing else None


CHECKS: tuple[Callable[[_Examination], Diagnosis | None], ...] = (
    _setup,
    _publishing,
    _platform,
    _refused,
    _suspected_account,
    _uncertain,
    _ending,
    _overdue,
    _unanswered,
    _missing_scopes,
)
"""The checks, most urgent first."""
