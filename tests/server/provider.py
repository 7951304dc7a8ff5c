"""An OpenID Connect provider on loopback that signs in whoever a test names."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey


class Provider:
    """What says who people are.

    Attributes:
        person: claims of who sits at the browser.
        asked: parameters of the last request to sign in.
        faults: what it does wrong: `signature`, `nonce`, `issuer`, `audience`, `expired`.
    """

    def __init__(self) -> None:
        self.person: dict[str, Any] = {}
        self.asked: dict[str, str] = {}
        self.faults: set[str] = set()
        self.signed_in = time.time()
        self._key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self._other = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def answer(self, status: int, body: Any = None, **headers: str) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                for name, value in {"content-type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                if url.path == "/.well-known/openid-configuration":
                    self.answer(200, provider.document())
                elif url.path == "/keys":
                    self.answer(200, {"keys": [provider._key.as_dict(private=False)]})
                elif url.path == "/authorize":
                    asked = {k: v[0] for k, v in parse_qs(url.query).items()}
                    self.answer(302, location=provider.authorize(asked))
                else:
                    self.answer(404)

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                given = {k: v[0] for k, v in parse_qs(self.rfile.read(length).decode()).items()}
                self.answer(*provider.token(given, self.headers.get("authorization", "")))

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Answer no longer."""
        self._server.shutdown()
        self._server.server_close()

    def document(self) -> dict[str, Any]:
        """Where its parts are."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes after signing in."""
        self.asked = asked
        if asked.get("prompt") == "login":
            self.signed_in = time.time()
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, given: dict[str, str], authorization: str) -> tuple[int, Any]:
        """The tokens of a code, for the client that has the secret and the verifier."""
        asked = self._codes.pop(given.get("code", ""), None)
        client = base64.b64decode(authorization.partition(" ")[2]).decode() if authorization else ""
        proof = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).decode().rstrip("=")
        if asked is None or client != "lab:secret" or challenge != asked.get("code_challenge"):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": "http://evil.example" if "issuer" in self.faults else self.issuer,
            "aud": "another" if "audience" in self.faults else "lab",
            "nonce": "old" if "nonce" in self.faults else asked.get("nonce"),
            "iat": now,
            "exp": now - 4000 if "expired" in self.faults else now + 300,
            "auth_time": int(self.signed_in),
            **self.person,
        }
        key = self._other if "signature" in self.faults else self._key
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, key)
        return 200, {"access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": signed}
