"""All benchmarks, by the name a person chooses them with."""

from __future__ import annotations

from tests.bench.benchmarks import slash_commands, start_and_memory, transactions, typeaheads
from tests.bench.composer import composer
from tests.bench.day import day
from tests.bench.publishing import publishing
from tests.bench.reads import reads
from tests.bench.refreshes import refresh_rate
from tests.bench.sizes import claims, delivery_claims
from tests.bench.strangers import strangers
from tests.bench.videos import videos

BENCHMARKS = {
    "Slash commands": slash_commands,
    "Reads": reads,
    "The process": start_and_memory,
    "Strangers": strangers,
    "Typing into a picker": typeaheads,
    "Transactions": transactions,
    "Refreshes": refresh_rate,
    "A million grants": claims,
    "A day and an outage": day,
    "A million deliveries": delivery_claims,
    "Publishing": publishing,
    "Videos": videos,
    "The composer": composer,
}
