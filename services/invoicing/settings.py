"""What invoicing can be told from outside."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.chassis.settings import ChassisSettings


class CheckSettings(BaseSettings):
    """How documents are checked before they leave; own checks and the XSD always run."""

    model_config = SettingsConfigDict(env_prefix="AR_", extra="ignore")

    rules_dir: Path = Field(
        default=Path(".cache/rules"), description="the official rule files (python -m deploy.local.rules)"
    )
    official_rules_share: float = Field(
        default=1.0,
        description="share of documents that the official rules judge: some 100 a second and process",
        ge=0,
        le=1,
    )
    check_processes: int = Field(
        default=1, description="processes that prepare drafts, 250 MB each with the official rules", ge=1
    )


class InvoicingSettings(ChassisSettings, CheckSettings):
    """Settings of the service."""
