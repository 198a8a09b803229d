"""What disputes can be told from outside, beside the machinery's own settings."""

from pydantic import Field

from services.chassis.settings import ChassisSettings, TimeZone
from services.disputes.domain.deadlines import Policy


class DisputesSettings(ChassisSettings):
    """The seller's promises about disputes."""

    dispute_window_days: int = Field(90, description="an invoice can be disputed so many days from its date", ge=1)
    dispute_reopen_days: int = Field(30, description="a case can be reopened so many days from its end", ge=0)
    dispute_answer_days: int = Field(5, description="business days to the answer of a standard case", ge=1)
    dispute_first_answer_days: int = Field(1, description="business days to the first answer of a person", ge=1)
    dispute_customer_days: int = Field(5, description="business days that a customer has to answer", ge=1)
    dispute_time_zone: TimeZone = Field("UTC", description="where the seller counts its days (IANA name)")

    def policy(self) -> Policy:
        """The same, as the rules read it."""
        return Policy(
            window_days=self.dispute_window_days,
            reopen_days=self.dispute_reopen_days,
            answer_days=self.dispute_answer_days,
            first_answer_days=self.dispute_first_answer_days,
            customer_days=self.dispute_customer_days,
            time_zone=self.dispute_time_zone,
        )
