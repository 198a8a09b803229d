"""What an operator watches of the mail; counts only, nobody's address."""

from prometheus_client import Counter

MAILS = Counter("ar_mails_total", "Mails handed over, by answer (taken, not_now, never)", ["answer"])
