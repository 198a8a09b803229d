"""What an operator watches; each metric's meaning stands beside its name."""

from prometheus_client import Counter, Gauge, Histogram

MESSAGES = Counter(
    "ar_messages_processed_total", "Events handled, by result (ok, duplicate, retried, parked, skipped)", ["result"]
)
PARKED = Gauge("ar_parked_events", "Events that wait, by reason", ["reason"])
LAG = Gauge("ar_consumer_lag_records", "Records of the followed topics that are not yet handled")
OUTBOX_PENDING = Gauge("ar_outbox_pending", "Announced events that are not yet published")
OUTBOX_AGE = Gauge("ar_outbox_oldest_age_seconds", "Age of the oldest announced event that is not yet published")
PUBLISHED = Counter("ar_outbox_published_total", "Announced events that were published")
BATCH = Histogram(
    "ar_batch_size_records", "Records handled in one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500)
)
HANDLED = Counter(
    "grpc_server_handled_total", "Calls answered, by status", ["grpc_service", "grpc_method", "grpc_code"]
)
HANDLING = Histogram("grpc_server_handling_seconds", "How long calls took", ["grpc_service", "grpc_method"])
REFUSED = Counter("ar_refusals_total", "Requests and events refused, by stable code", ["code"])
