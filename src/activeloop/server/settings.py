"""What a server is told from outside: by its environment, and by files for what is secret."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from activeloop.errors import ConfigError, InputError
from activeloop.files import write_whole
from activeloop.store.accounts import Accounts

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(BaseModel):
    """How a server runs. Each is read from the environment, or from the file that `NAME_FILE` names there.

    Attributes:
        database: a folder (SQLite and artifacts in it) or `postgresql://...`; `DATABASE_URL`.
        artifacts: where models and files go: "" = in the folder, or a folder or `s3://...`, `gs://...`, `az://...`;
            `ARTIFACTS`.
        cache: a local folder for what can be made again; "" = in the folder; `ACTIVELOOP_WORK`.
        host, port: where it listens; `ACTIVELOOP_HOST`, `ACTIVELOOP_PORT`.
        public_url: how people reach it, such as `https://lab.example.org`; `ACTIVELOOP_URL`.
        oidc_issuer, oidc_client, oidc_secret: who says who people are (OpenID Connect); `OIDC_ISSUER`,
            `OIDC_CLIENT_ID`, `OIDC_CLIENT_SECRET`. Without an issuer there is one user, and only this machine may call.
        secret: signs sessions; made and kept beside a SQLite database when "", and needed by several servers;
            `ACTIVELOOP_SECRET`.
        admins: e-mail addresses of people who may do everything; `ACTIVELOOP_ADMINS`, separated by commas.
        worker: whether `activeloop serve` runs a worker too; `ACTIVELOOP_WORKER` (1 or 0).
        upload_mebibytes: largest request; `ACTIVELOOP_UPLOAD_MEBIBYTES`.
        requests_per_minute: of one person or token; `ACTIVELOOP_REQUESTS_PER_MINUTE`.
        private_webhooks: whether webhooks may call addresses of private networks; `ACTIVELOOP_PRIVATE_WEBHOOKS`. The
            one user of a laptop may in any case.
        models: pretrained models that configs may name beside the one that comes with ActiveLoop, by hub id or folder,
            separated by commas; `id@revision` allows that revision. `ACTIVELOOP_MODELS`.
        devices: names of devices that robots of campaigns may use, such as `reader=folder:/data/reader`, separated by
            commas; the worker reads the same variable. `ACTIVELOOP_DEVICES`.
        open_campaigns: that a process holds in memory at once; `ACTIVELOOP_OPEN_CAMPAIGNS`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    database: str = "activeloop-server"
    artifacts: str = ""
    cache: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8300
    public_url: str = ""
    oidc_issuer: str = ""
    oidc_client: str = ""
    oidc_secret: str = ""
    secret: str = ""
    admins: str = ""
    worker: bool = True
    upload_mebibytes: Annotated[int, Field(ge=1, le=4096)] = 32
    requests_per_minute: Annotated[int, Field(ge=1)] = 6000
    private_webhooks: bool = False
    models: str = ""
    devices: str = ""
    open_campaigns: Annotated[int, Field(ge=1)] = 8

    @classmethod
    def of(cls, environment: Mapping[str, str] | None = None, **given: object) -> Settings:
        """Settings from the environment; what is given goes first.

        Args:
            environment: `os.environ` when None.
            given: by name; None = not given.

        Raises:
            ConfigError: a value makes no sense or a file cannot be read.

        >>> Settings.of({"DATABASE_URL": "postgresql://db/lab", "ACTIVELOOP_PORT": "80"}, port=81).port
        81
        """
        environment = os.environ if environment is None else environment
        found: dict[str, object] = {}
        for name, variable in VARIABLES.items():
            if (path := environment.get(f"{variable}_FILE")) is not None:
                try:
                    found[name] = Path(path).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeError) as error:
                    raise ConfigError(f"{variable}_FILE cannot be read ({error}).", file=path) from error
            elif variable in environment:
                found[name] = environment[variable]
        found |= {name: value for name, value in given.items() if value is not None}
        try:
            settings = cls.model_validate(found)
        except ValidationError as error:
            first = error.errors()[0]
            name = VARIABLES.get(str(first["loc"][0]), str(first["loc"][0]))
            shown = "" if name in SECRETS else f' "{first["input"]}"'
            raise ConfigError(f"{name}{shown}: {first['msg']}. The server was not started.") from error
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse what would leave a server open to anybody.

        Raises:
            ConfigError: others could reach it and nothing says who they are, or a secret is missing.
        """
        if not self.oidc_issuer and self.host not in LOOPBACK:
            raise ConfigError(
                f"the server would listen on {self.host} without asking who calls: set OIDC_ISSUER, OIDC_CLIENT_ID and "
                "OIDC_CLIENT_SECRET, or listen on 127.0.0.1. The server was not started."
            )
        if self.oidc_issuer and not (self.oidc_client and self.oidc_secret):
            raise ConfigError("OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET. The server was not started.")
        if self.oidc_issuer and self.is_postgresql and not self.secret:
            raise ConfigError("several servers sign with one secret: set ACTIVELOOP_SECRET. Nothing was started.")

    @property
    def allowed_models(self) -> tuple[str, ...]:
        """The pretrained models that configs may name."""
        return tuple(name for part in self.models.split(",") if (name := part.strip()))

    @property
    def single_user(self) -> bool:
        """Whether there is one user, who is not asked who they are."""
        return not self.oidc_issuer

    @property
    def is_postgresql(self) -> bool:
        """Whether the database is one of a PostgreSQL server."""
        return self.database.startswith(("postgresql:", "postgres:"))

    def signing_secret(self, accounts: Accounts) -> str:
        """The secret that signs sessions and uploads.

        Where none was given it is made once: kept beside a SQLite database, or in PostgreSQL, where all servers of one
        user find it.

        Args:
            accounts: of the database.
        """
        if self.secret:
            return self.secret
        if self.is_postgresql:
            return accounts.secret("signing")
        path = Path(self.database) / "secret"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, secrets.token_urlsafe(32))
            path.chmod(0o600)
        if len(kept := path.read_text(encoding="utf-8").strip()) < 32:
            raise InputError("this secret is too short: delete the file to have a new one made.", file=str(path))
        return kept


VARIABLES = {
    "database": "DATABASE_URL",
    "artifacts": "ARTIFACTS",
    "cache": "ACTIVELOOP_WORK",
    "models": "ACTIVELOOP_MODELS",
    "host": "ACTIVELOOP_HOST",
    "port": "ACTIVELOOP_PORT",
    "public_url": "ACTIVELOOP_URL",
    "oidc_issuer": "OIDC_ISSUER",
    "oidc_client": "OIDC_CLIENT_ID",
    "oidc_secret": "OIDC_CLIENT_SECRET",
    "secret": "ACTIVELOOP_SECRET",
    "admins": "ACTIVELOOP_ADMINS",
    "worker": "ACTIVELOOP_WORKER",
    "upload_mebibytes": "ACTIVELOOP_UPLOAD_MEBIBYTES",
    "requests_per_minute": "ACTIVELOOP_REQUESTS_PER_MINUTE",
    "private_webhooks": "ACTIVELOOP_PRIVATE_WEBHOOKS",
    "devices": "ACTIVELOOP_DEVICES",
    "open_campaigns": "ACTIVELOOP_OPEN_CAMPAIGNS",
}
"""Setting -> the variable of the environment from which it is read."""
SECRETS = ("OIDC_CLIENT_SECRET", "ACTIVELOOP_SECRET", "DATABASE_URL")
