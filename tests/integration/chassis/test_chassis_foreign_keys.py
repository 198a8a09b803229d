"""What foreign keys refer to is found by the primary key, whatever the plan of their checks was made on."""

from typing import Any

import pytest

from services.chassis.service import Service
from services.credit.service import SERVICE as CREDIT
from services.disputes.service import SERVICE as DISPUTES
from services.ledger.service import SERVICE as LEDGER
from services.notifications.service import SERVICE as NOTIFICATIONS
from tests.integration.conftest import OpenService

# Of whole tables that others refer to: indexes that begin with the tenant, and are neither the primary key nor what a
# foreign key stands on.
_MISLEADING = """
  SELECT i.relname FROM pg_index x
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[0] AND a.attname = 'tenant'
   WHERE NOT x.indisprimary AND x.indpred IS NULL
     AND EXISTS (SELECT FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid = x.indrelid)
     AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.contype = 'f' AND c.conindid = x.indexrelid)"""


# Not invoicing: its numbers are unique within the tenant by keys that begin with it, from the first release on.
@pytest.mark.parametrize("service", [CREDIT, LEDGER, DISPUTES, NOTIFICATIONS], ids=lambda service: service.name)
async def test_a_foreign_key_has_no_index_but_the_key_that_begins_with_the_tenant(
    service: Service[Any], open_service: OpenService
):
    async with open_service(service) as parts, parts.database.transaction(()) as tx:
        misleading = {row.relname for row in await tx.rows(_MISLEADING)}

    assert misleading == set()
