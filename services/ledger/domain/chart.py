"""The chart of accounts (RULES: chart)."""

from enum import IntEnum


class Chart(IntEnum):
    """An account of the chart, by its number."""

    BANK = 1000
    CASH_CLEARING = 1010
    RECEIVABLES = 1100
    ALLOWANCE = 1190
    INSURANCE_RECEIVABLE = 1300
    UNAPPLIED_CASH = 2100
    CUSTOMER_CREDITS = 2110
    OUTPUT_VAT = 2200
    SALES_TAX = 2210
    CONTRACT_LIABILITY = 2400
    REVENUE = 4000
    RETURNS = 4010
    EARLY_PAYMENT_DISCOUNT = 4020
    REBATES = 4030
    GOODWILL = 4040
    LATE_FEES = 4900
    INTEREST = 4910
    BAD_DEBT = 6100
    BAD_DEBT_RECOVERED = 6110
    BANK_CHARGES = 6900
    SMALL_DIFFERENCES = 6950
    REALISED_FX = 7800
    UNREALISED_FX = 7810
    ROUNDING = 7900
    # Memo accounts stand outside the books proper and balance among themselves.
    CREDIT_HELD = 9000
    CREDIT_HELD_CONTRA = 9001
    DISPUTED = 9100
    DISPUTED_CONTRA = 9101
    PROMISED = 9200
    PROMISED_CONTRA = 9201

    @property
    def title(self) -> str:
        """What people call it."""
        return _TITLES[self]

    @property
    def is_memo(self) -> bool:
        """Whether it stands outside the books proper."""
        return self >= Chart.CREDIT_HELD


_TITLES = {
    Chart.BANK: "Bank",
    Chart.CASH_CLEARING: "Cash clearing",
    Chart.RECEIVABLES: "AR control",
    Chart.ALLOWANCE: "Allowance for expected credit losses",
    Chart.INSURANCE_RECEIVABLE: "Insurance receivable",
    Chart.UNAPPLIED_CASH: "Unapplied cash",
    Chart.CUSTOMER_CREDITS: "Customer credits",
    Chart.OUTPUT_VAT: "Output VAT",
    Chart.SALES_TAX: "Sales tax payable",
    Chart.CONTRACT_LIABILITY: "Contract liability",
    Chart.REVENUE: "Revenue",
    Chart.RETURNS: "Returns and allowances",
    Chart.EARLY_PAYMENT_DISCOUNT: "Early-payment discount allowed",
    Chart.REBATES: "Rebates",
    Chart.GOODWILL: "Goodwill allowed",
    Chart.LATE_FEES: "Late-fee income",
    Chart.INTEREST: "Interest income",
    Chart.BAD_DEBT: "Bad-debt expense",
    Chart.BAD_DEBT_RECOVERED: "Bad debt recovered",
    Chart.BANK_CHARGES: "Bank charges",
    Chart.SMALL_DIFFERENCES: "Small differences",
    Chart.REALISED_FX: "Realised exchange differences",
    Chart.UNREALISED_FX: "Unrealised exchange differences",
    Chart.ROUNDING: "Rounding",
    Chart.CREDIT_HELD: "Credit held (memo)",
    Chart.CREDIT_HELD_CONTRA: "Credit held, contra (memo)",
    Chart.DISPUTED: "Disputed (memo)",
    Chart.DISPUTED_CONTRA: "Disputed, contra (memo)",
    Chart.PROMISED: "Promised (memo)",
    Chart.PROMISED_CONTRA: "Promised, contra (memo)",
}
