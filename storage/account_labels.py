"""How accounts are named where several of them stand: so that two of the same name can be told apart."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from storage.folding import fold
from storage.models import Account

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from storage.models import FoundAccount

    Named = Account | FoundAccount

LEAST_DIGITS = 4


def labels(accounts: Iterable[Named]) -> dict[str, str]:
    """Return by id what each account is called among these accounts, which have one platform or more.

    It is the name, and where another account of the platform has the same name, also the handle; where that is
    missing or the same too, the last characters of the platform's id: "Sunrise Cafe (…4321)".
    """
    alike: defaultdict[tuple[str, str], list[Named]] = defaultdict(list)
    for account in accounts:
        platform = account.platform if isinstance(account, Account) else ""
        alike[platform, fold(account.name)].append(account)
    return {
        one.id: one.name if len(group) == 1 else f"{one.name} ({_mark(one, group)})"
        for group in alike.values()
        for one in group
    }


def _mark(one: Named, group: Sequence[Named]) -> str:
    handle = fold(one.handle)
    if handle and sum(fold(other.handle) == handle for other in group) == 1:
        return one.handle
    others = [other.remote_id for other in group if other is not one]
    for length in range(LEAST_DIGITS, len(one.remote_id)):
        end = one.remote_id[-length:]
        if not any(other.endswith(end) for other in others):
            return f"…{end}"
    return one.remote_id
