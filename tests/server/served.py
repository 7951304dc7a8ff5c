"""A server in the process of a test, and who calls it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from starlette.testclient import TestClient

WILD_TYPE = "MKTAYIAKQRQISFVKSHFSRQ"
CONFIG = f"""
goal = "find"
seed = 1
[pool]
kind = "variants"
wild_type = "{WILD_TYPE}"
singles = true
[[assays]]
name = "activity"
unit = "U"
[plate]
wells = 24
controls = 2
control = "WT"
"""


@dataclass
class Server:
    """A server in this process, and who calls it.

    Args:
        client: that calls; it speaks HTTP with the application itself.
        key: of its campaign.
        headers: of every call.
    """

    client: TestClient
    key: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def call(self, method: str, path: str, **how: Any):
        """The answer; a path that begins with a letter is one of the campaign."""
        url = path if path.startswith("/") else f"/api/v1/campaigns/{self.key}/{path}".rstrip("/")
        headers = {**self.headers, **how.pop("headers", {})}
        return self.client.request(method, url, headers=headers, follow_redirects=False, **how)

    def get(self, path: str = "", **how: Any):
        return self.call("GET", path, **how)

    def post(self, path: str, json: Any = None, **how: Any):
        return self.call("POST", path, json=json, **how)

    @property
    def accounts(self):
        return self.client.app.state.accounts  # type: ignore[attr-defined]

    def of(self, person: str, role: str = "", most: str = "owner") -> Server:
        """The same server, called by somebody with a token.

        Args:
            person: their name.
            role: in the campaign; "" = no member.
            most: that the token may do.
        """
        self.accounts.sign_in(f"idp|{person}", person, f"{person}@lab.example")
        if role:
            self.accounts.set_member(self.key, f"idp|{person}", role, "test")
        secret, _ = self.accounts.make_token(f"idp|{person}", "test", most, person)
        return Server(self.client, self.key, {"authorization": f"Bearer {secret}"})

    def measured(self, count: int = 22, shift: float = 0.0) -> list[dict[str, Any]]:
        """Values of some candidates, as rows of the API."""
        names = [f"{WILD_TYPE[i]}{i + 1}A" for i in range(1, len(WILD_TYPE)) if WILD_TYPE[i] != "A"]
        return [{"candidate": n, "assay": "activity", "value": i * 0.1 + shift} for i, n in enumerate(names[:count])]
