"""Reads mail that came: each is a job, read in a thread and outside any transaction."""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial

from services.chassis.workers import Batch, Work
from services.notifications import metrics, post
from services.notifications.domain.post import Became, Report
from services.notifications.letters.opened import Reader
from services.notifications.settings import Settings
from services.notifications.usecases import Desk

AGAIN_S = 30.0  # until we look again at a report of a mail that is still under way
PATIENCE = timedelta(days=1)  # after which it is not


def work(desk: Desk, settings: Settings) -> Work:
    """How mails are read, one in a transaction."""
    reader = Reader(settings.reply_domain, settings.mail_from, settings.mail_trusted_authserv)
    return Work(post.POST, partial(_read, desk, reader), most=1)


async def _read(desk: Desk, reader: Reader, batch: Batch) -> None:
    [job] = batch.jobs
    key = post.key_of(job)
    async with batch.database.transaction([job.tenant]) as tx:
        row = await post.find(tx, key)
    said = None
    if row is not None and row.content is not None:
        said = await asyncio.to_thread(reader.open, bytes(row.content))
    became: Became | None = Became.NOTHING
    async with batch.finishing() as done:
        if said is None or not done.jobs:
            return
        if isinstance(said, Report):
            if row.kind == "REPORT":
                became = await desk.receive_report(done.tx, (row.tenant, row.contact_id, row.mail_key), said)
        elif row.kind == "REPLY":
            vouch = bool(reader.authserv)
            became = await desk.receive_reply(done.tx, row.tenant, row.about, said, must_vouch=vouch)
        if became is None and datetime.now(UTC) - row.came_at < PATIENCE:
            done.again(job, in_s=AGAIN_S, why="the mail is still under way")
            return
        await post.done(done.tx, key)
    metrics.POST_READ.labels((became or Became.NOTHING).value).inc()
