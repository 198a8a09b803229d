"""What every service can be told from outside: environment variables that begin with AR_."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ChassisSettings(BaseSettings):
    """Settings of the machinery; a service adds its own in a subclass."""

    model_config = SettingsConfigDict(env_prefix="AR_", extra="ignore")

    database_url: SecretStr = Field(description="PostgreSQL, as the role that serves")
    owner_database_url: SecretStr | None = Field(None, description="PostgreSQL, as the owner; only for migrate")
    database_connections: int = Field(10, description="at most so many connections to the database", ge=2)
    idle_transaction_s: int = Field(
        60, description="after which a transaction of a process that froze is ended, seconds", ge=1
    )
    kafka_bootstrap_servers: str = Field("localhost:9092", description="host:port, comma separated")
    partitions: int = Field(8, description="of a topic that has to be created", ge=1)
    replication: int = Field(1, description="copies of a topic that has to be created", ge=1)
    session_timeout_s: float = Field(30.0, description="after which a silent consumer loses its partitions, seconds")
    batch_size: int = Field(500, description="events handled in one transaction, at most", ge=1)
    failures_in_row_max: int = Field(100, description="defects in a row after which the consumer stops", ge=1)
    grpc_host: str = Field("127.0.0.1", description="address that gRPC listens on")
    grpc_port: int = Field(50051, description="port that gRPC listens on")
    metrics_port: int = Field(9464, description="port of /metrics; 0 for none")
    clock: Literal["system", "test"] = Field("system", description="test: SetClock is answered")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
