"""Whether a day went as it must: what the ledger says against what the platforms have."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlmodel import col, select

from sandbox.simulation.orders import Reading
from storage.models import Delivery, DeliveryStatus, DeliveryStep, StepStatus

if TYPE_CHECKING:
    from adapters.base import Step
    from sandbox.simulation.orders import Order
    from sandbox.simulation.venue import Key, Scene
    from storage.engine.db import Database

FINAL = {DeliveryStatus.SENT, DeliveryStatus.FAILED, DeliveryStatus.CANCELLED}


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What is known about a day when it is over."""

    scene: Scene
    asked: dict[Key, str]
    """The steps about which a person was asked, with the reason: empty if there was none."""
    steps: Callable[[Order], tuple[Step, ...]]
    violate: Callable[[str], None]
    counts: Counter[str]


async def judge(day: Evidence, database: Database) -> None:
    """Write down everything that is wrong at the end of the day, and count what there was."""
    async with database.system(write=False) as session:
        deliveries = {row.id: row for row in await session.exec(select(Delivery))}
        steps: defaultdict[str, list[DeliveryStep]] = defaultdict(list)
        ordered = select(DeliveryStep).order_by(col(DeliveryStep.delivery_id), col(DeliveryStep.position))
        for row in await session.exec(ordered):
            steps[row.delivery_id].append(row)
    for order in day.scene.orders.values():
        _judge_one(day, order, deliveries[order.delivery_id], steps[order.delivery_id])
    _judge_questions(day)
    day.counts.update(day.scene.counts)


def _judge_one(day: Evidence, order: Order, delivery: Delivery, steps: list[DeliveryStep]) -> None:
    name, counts = f"{order.number} on {order.kind.name}", day.counts
    status = DeliveryStatus(delivery.status)
    counts[f"ended {status}"] += 1
    if status not in FINAL:
        day.violate(f"{name}: lost, it is still {status} after days, asks: {delivery.asks}, {delivery.code}")
    stored = {}
    for row in steps:
        stored[order.number, row.kind, row.position if row.kind == "post" else 0] = StepStatus(row.status)
    for key, trace in day.scene.traces.items():
        if key[0] != order.number:
            continue
        counts["calls"] += trace.calls
        if len(trace.live) > 1:
            day.violate(f"{key} on {order.kind.name}: doubled, {len(trace.live)} times live")
        if trace.live and stored.get(key) != StepStatus.SENT:
            day.violate(f"{key} on {order.kind.name}: live, and the ledger says {stored.get(key)}")
        if not trace.live and stored.get(key) == StepStatus.SENT:
            day.violate(f"{key} on {order.kind.name}: lost, the ledger says that it is live")
    live = [key for key, status in stored.items() if status is StepStatus.SENT]
    required = sum(step.required for step in day.steps(order))
    complete = sum(kind == "post" for _, kind, _ in live) == required
    if status is DeliveryStatus.SENT and not complete:
        day.violate(f"{name}: lost, it is called sent with {len(live)} steps live")
    if status in {DeliveryStatus.FAILED, DeliveryStatus.CANCELLED} and complete:
        day.violate(f"{name}: called {status} although it is live")
    counts["live"] += len(live)
    counts[f"live {order.kind.name}"] += len(live)


def _judge_questions(day: Evidence) -> None:
    """Check that people were asked where nothing else helps, and nowhere else."""
    counts = day.counts
    for key, why in day.asked.items():
        order = day.scene.orders[key[0]]
        counts["asked"] += 1
        counts[f"asked {order.kind.name}"] += 1
        counts[f"asked: {why}"] += 1
        if not why:
            day.violate(f"{key} on {order.kind.name}: a person was asked for no reason")
        readable = order.kind.reading in {Reading.LIST, Reading.HANDLE}
        if why == "cannot be read" and readable:
            day.violate(f"{key} on {order.kind.name}: a person was asked although it can be read")
    for key, trace in day.scene.traces.items():
        if (trace.unreadable or trace.misses >= 3) and key not in day.asked:
            day.violate(f"{key} on {day.scene.orders[key[0]].kind.name}: nobody was asked")
