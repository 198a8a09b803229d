"""The samples of which mails are shown, as the tests of notifications name them; and how an event comes from Kafka."""

from typing import Any

from services.chassis.envelope import Event, Record
from services.notifications.samples import *  # noqa: F403 - all of them: here is where tests look for them
from tests.records import a_record


def record(event: Event[Any]) -> Record:
    """The event as it comes from Kafka; of one of ours with its number."""
    ours = not event.type.startswith("receivables.orders.")
    return a_record(
        event.body,
        account=event.account_id,
        subject=event.subject,
        tenant=event.tenant,
        event_id=event.id,
        headers={"ce_sequence": "1"} if ours else {},
    )
