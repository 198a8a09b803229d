"""Which workload may call what, by the name in its certificate; network policies name the same callers."""

from collections.abc import Mapping

BUSINESS = frozenset(
    {
        "receivables.credit.v1.ApplicationService",
        "receivables.credit.v1.CreditService",
        "receivables.credit.v1.PolicyService",
        "receivables.credit.v1.ExposureService",
        "receivables.credit.v1.LabService",
        "receivables.credit.v1.StandingApprovalService",
        "receivables.invoicing.v1.InvoicingService",
        "receivables.ledger.v1.LedgerService",
        "receivables.disputes.v1.DisputesService",
        "receivables.disputes.v1.CauseService",
        "receivables.disputes.v1.IncidentService",
        "receivables.disputes.v1.ResponseService",
        "receivables.disputes.v1.StandingApprovalService",
        "receivables.notifications.v1.FeedbackService",
        "receivables.notifications.v1.LetterService",
        "receivables.notifications.v1.NotificationsService",
        "receivables.audit.v1.AuditService",
    }
)

# A service ("package.Service"), or one of its methods ("package.Service/Method").
CALLERS: Mapping[str, frozenset[str]] = {
    # People and their programs, whoever they are; the token says.
    "portal": BUSINESS,
    # An operator's command line.
    "operator": BUSINESS
    | {
        "receivables.operations.v1.OperationsService",
        "grpc.reflection.v1alpha.ServerReflection",
    },
    # Asks whoever tells facts about companies: outside, with certificates of `source-<name>`, which call nothing of ours.
    "credit": frozenset({"receivables.sources.v1.SourceService"}),
    # Fetches what buyers' systems say from whoever brings it: outside, with a certificate of `channel`, which calls nothing.
    "disputes": frozenset({"receivables.channels.v1.ChannelService"}),
    # Fetches the documents that mails carry, and what people wrote, which is on no topic.
    "notifications": frozenset(
        {
            "receivables.invoicing.v1.InvoicingService/RenderDocument",
            "receivables.disputes.v1.DisputesService/GetMove",
            "receivables.ledger.v1.LedgerService/GetPayment",
        }
    ),
}


def may_call(workload: str, method: str) -> bool:
    """Whether that workload may call a method ("package.Service/Method")."""
    allowed = CALLERS.get(workload, frozenset())
    return method in allowed or method.partition("/")[0] in allowed
