"""What every service answers to the seller's auditors: who did what, who was refused, and the roots to keep elsewhere."""

from datetime import date
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from receivables.audit.v1 import service_pb2, service_pb2_grpc

from services.chassis.database import Tx
from services.chassis.envelope import Origin
from services.chassis.pages import page
from services.chassis.rpc import Door, read
from services.kernel.refusals import Invalid

_ACTS = """SELECT a.number, a.at, a.actor, a.on_behalf_of, a.issuer, a.workload, a.method, a.account_id, a.idempotency_key,
                  a.outcome, a.code, a.times, a.digest, l.hash
             FROM act AS a LEFT JOIN act_link AS l ON l.tenant = a.tenant AND l.number = a.number"""


class AuditService(Door, service_pb2_grpc.AuditServiceServicer):
    """Reads the audit trail of the caller's tenant."""

    @read
    async def ListActs(
        self, tx: Tx, call: Origin, request: service_pb2.ListActsRequest
    ) -> service_pb2.ListActsResponse:
        """All, or those of an account or of an actor, newest first."""
        if request.account_id and request.actor:
            raise Invalid("audit.one_question", "ask for the acts of an account, or for those of an actor")
        asked = page(request, int)
        where, params = "a.tenant = %s", [call.tenant]
        for column, value in (("account_id", request.account_id), ("actor", request.actor)):
            if value:
                where += f" AND a.{column} = %s AND a.{column} <> ''"
                params.append(value)
        if asked.after is not None:
            where += " AND a.number < %s"
            params.append(asked.after[0])
        rows = await tx.rows(f"{_ACTS} WHERE {where} ORDER BY a.number DESC LIMIT {asked.most}", params)
        return service_pb2.ListActsResponse(
            acts=[_act(row) for row in rows], next_page_token=asked.next_token(rows, lambda row: (row.number,))
        )

    @read
    async def ListRoots(
        self, tx: Tx, call: Origin, request: service_pb2.ListRootsRequest
    ) -> service_pb2.ListRootsResponse:
        """The chain at the end of each day, newest first."""
        asked = page(request, date.fromisoformat)
        rows = await tx.rows(
            f"""SELECT day, number, hash FROM act_root WHERE tenant = %s AND day < %s
                 ORDER BY day DESC LIMIT {asked.most}""",  # noqa: S608 - our own number
            [call.tenant, asked.after[0] if asked.after is not None else date.max],
        )
        return service_pb2.ListRootsResponse(
            roots=[service_pb2.Root(day=row.day.isoformat(), number=row.number, hash=row.hash) for row in rows],
            next_page_token=asked.next_token(rows, lambda row: (row.day,)),
        )


def _act(row: Any) -> service_pb2.Act:
    at = Timestamp()
    at.FromDatetime(row.at)
    return service_pb2.Act(
        number=row.number,
        at=at,
        actor=row.actor,
        on_behalf_of=row.on_behalf_of,
        issuer=row.issuer,
        workload=row.workload,
        method=row.method,
        account_id=row.account_id,
        idempotency_key=row.idempotency_key,
        outcome=row.outcome,
        code=row.code,
        times=row.times,
        digest=row.digest,
        hash=row.hash,
    )
