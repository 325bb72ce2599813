"""The settings of the process: from the environment, or from .env beside where it is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import ConfigError, Problem

Role = Literal["both", "gateway", "worker"]


class Settings(BaseSettings):
    """Each field is the environment variable KEFU_<FIELD>; an option on the command line wins."""

    model_config = SettingsConfigDict(env_prefix="KEFU_", env_file=".env", extra="ignore", frozen=True)

    role: Role = Field(
        default="both", description="gateway: only the platforms; worker: only the answers; both: all in one process"
    )
    data_dir: Path = Field(
        default=Path(".kefu"),
        description="where the embedded store, the index of each bot and what was trained are kept",
    )
    redis_url: str = Field(
        default="", description="a Redis or Valkey server; empty: an embedded one in the data folder"
    )
    host: str = Field(default="127.0.0.1", description="the address the web chat listens on; 0.0.0.0: all")
    port: int = Field(default=8080, ge=0, le=65535, description="the port of the web chat; 0: any free one")
    tune: bool = Field(default=True, description="measure new models at their first load on this machine")
    train: bool = Field(
        default=True, description="learn a bot's intents.yaml at the start when it has changed; it takes seconds"
    )
    log: Literal["text", "json"] = Field(default="text", description="the form of the log on the terminal")
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="what is logged")


def read_settings(**given: object) -> Settings:
    """The settings; ``given`` holds the command line's options, None for those that were not given.

    Raises ConfigError that names the variable, what is wrong and what would be right.
    """
    try:
        return Settings(**{key: value for key, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError(
            tuple(
                Problem(
                    "environment or .env",
                    0,
                    f"KEFU_{str(details['loc'][0]).upper()}",
                    f"{details['input']!r}: {details['msg']}",
                )
                for details in error.errors()
            )
        ) from None


def export_hub_settings() -> None:
    """What .env says for huggingface_hub (HF_TOKEN, HF_HOME, …), which reads only the environment."""
    for name, value in dotenv_values(".env").items():
        if name.startswith("HF_") and value:
            os.environ.setdefault(name, value)


def read_secrets() -> Mapping[str, str]:
    """Secrets by their names; the environment wins over .env. Empty ones count as missing."""
    found = {**dotenv_values(".env"), **os.environ}
    return {name: value.strip() for name, value in found.items() if value and value.strip()}
