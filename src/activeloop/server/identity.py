"""Who people and programs are: one user on a laptop, else OpenID Connect for people and tokens for programs."""

from __future__ import annotations

import getpass
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.middleware.sessions import SessionMiddleware

from activeloop.server.access import SignedIn, User, allows, role_named
from activeloop.server.problems import Problem
from activeloop.server.settings import Settings
from activeloop.store.accounts import Accounts

if TYPE_CHECKING:
    from activeloop.store.database import Database

SESSION_SECONDS = 12 * 3600
"""After which a person signs in again."""
SIGNING_SECONDS = 300.0
"""For so long after signing in a person may sign, as by hand."""
COOKIE = "activeloop_session"
LOCAL = "local"
"""Id of the one user of a laptop."""


def local_name() -> str:
    """Who works on this computer, as the audit trail names them."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return LOCAL


@dataclass(frozen=True)
class Identity:
    """Tells who calls and what they are in a campaign.

    Args:
        settings: of the server.
        accounts: people, members and tokens.
    """

    settings: Settings
    accounts: Accounts

    def prepare(self) -> None:
        """Note the one user of a laptop, so that tokens can stand for them."""
        if self.settings.single_user and self.accounts.person(LOCAL) is None:
            self.accounts.sign_in(LOCAL, local_name(), "")

    def user(self, request: Request) -> User | None:
        """Who calls; None when nobody is signed in.

        Raises:
            Problem: 401, a token is sent that is none.
        """
        header = request.headers.get("authorization", "")
        if header:
            return self._of_token(header)
        if self.settings.single_user:
            return User(LOCAL, local_name(), admin=True)
        session = request.session
        person = self.accounts.person(session["person"]) if "person" in session else None
        if person is None or session.get("began", 0.0) < max(person.signed_out, time.time() - SESSION_SECONDS):
            return None
        return User(person.id, person.name, person.email, self._is_admin(person.email), signed_at=session["began"])

    def _of_token(self, header: str) -> User:
        scheme, _, secret = header.partition(" ")
        found = self.accounts.token(secret.strip()) if scheme.casefold() == "bearer" else None
        if found is None:
            fix = "Make a new token in the settings, and send it as: Authorization: Bearer TOKEN."
            raise Problem(401, "this token is not known, or has ended.", fix, {"WWW-Authenticate": "Bearer"})
        token, person = found
        admin = person.id == LOCAL if self.settings.single_user else self._is_admin(person.email)
        most = role_named(token.role)
        return User(person.id, person.name, person.email, admin, token.name, most, token.campaign)

    def _is_admin(self, email: str) -> bool:
        admins = [one.strip().casefold() for one in self.settings.admins.split(",")]
        return bool(email) and email.casefold() in admins

    def role(self, user: User, campaign: str) -> str:
        """What a user is in a campaign; "" = nothing."""
        if user.campaign not in ("", campaign):
            return ""
        own = "owner" if user.admin else self.accounts.role(user.id, campaign)
        return own if not own or allows(user.most, own) else user.most  # type: ignore[arg-type]

    def roles(self, user: User) -> dict[str, str] | None:
        """Campaign -> role of all campaigns of a user; None = owner, or what the token allows, of every campaign."""
        if user.admin and not user.campaign:
            return None
        of = [user.campaign] if user.campaign else list(self.accounts.roles(user.id))
        return {campaign: role for campaign in of if (role := self.role(user, campaign))}


def check_signature(user: User, meaning: str, reason: str, single_user: bool) -> dict[str, Any]:
    """What is kept of an electronic signature: who, when they signed in, what it means and why.

    It is the equal of one's handwriting: executed by one individual (21 CFR 11.3(b)(7), 11.100), who gives the parts of
    their identification anew in each period of access (11.200(a)(1)). A token is one part, and a program holds it: no
    re-authentication of a machine makes its act a person's. So tokens of whatever role do not sign.

    Raises:
        Problem: 401, the person did not sign in just now; 403, a program cannot sign; 422, there is no reason.
    """
    if not reason.strip():
        raise Problem(422, "a signature needs a reason.", "Say why in `reason`; nothing was stored.")
    if single_user:
        return {"meaning": meaning, "reason": reason, "signed in": "the one user of this machine"}
    if user.token:
        raise Problem(
            403,
            "a token cannot sign: a signature is a person's own act, given anew (21 CFR 11.100, 11.200).",
            "Sign in with a browser and sign there; nothing was stored.",
        )
    if user.signed_at < time.time() - SIGNING_SECONDS:
        raise Problem(
            401,
            "a signature needs you to sign in again.",
            "Go to /auth/login?again=true, then repeat within five minutes; nothing was stored.",
            signin="/auth/login?again=true",
        )
    return {"meaning": meaning, "reason": reason, "signed in": time.strftime("%FT%TZ", time.gmtime(user.signed_at))}


def install(app: FastAPI, settings: Settings, database: Database) -> Identity:
    """Give an app sessions, signing in and signing out."""
    accounts = Accounts(database)
    identity = Identity(settings, accounts)
    app.state.secret = settings.signing_secret(accounts)
    app.state.accounts, app.state.identity = accounts, identity
    app.add_middleware(
        SessionMiddleware,
        secret_key=app.state.secret,
        session_cookie=COOKIE,
        max_age=SESSION_SECONDS,
        same_site="lax",
        https_only=settings.public_url.startswith("https:"),
    )
    app.routes.extend(_routes(settings, identity).routes)
    return identity


def _routes(settings: Settings, identity: Identity) -> APIRouter:
    router, provider = APIRouter(prefix="/auth", include_in_schema=False), _provider(settings)

    @router.get("/login")
    async def login(
        request: Request, then: Annotated[str, Query(alias="next")] = "/", again: bool = False
    ) -> RedirectResponse:
        """To the identity provider and back; `again` asks for the password anew, as a signature needs."""
        then = then if then.startswith("/") and not then.startswith(("//", "/\\")) else "/"
        if provider is None:
            return RedirectResponse(then, 303)
        request.session["next"] = then
        back = f"{settings.public_url.rstrip('/')}/auth/callback" if settings.public_url else None
        more = {"prompt": "login", "max_age": "0"} if again else {}
        return await provider.authorize_redirect(request, back or str(request.url_for("callback")), **more)

    @router.get("/callback")
    async def callback(request: Request) -> RedirectResponse:
        """Where the identity provider sends people back to."""
        if provider is None:
            return RedirectResponse("/", 303)
        from authlib.integrations.base_client import OAuthError
        from joserfc.errors import JoseError

        try:
            token = await provider.authorize_access_token(request)
        except (OAuthError, JoseError, KeyError, ValueError) as error:
            raise Problem(401, "signing in failed.", "Try again; if it stays so, ask whoever runs it.") from error
        claims = token.get("userinfo") or {}
        key = f"{claims['iss']}|{claims['sub']}"
        email = str(claims.get("email", "")) if claims.get("email_verified") is True else ""
        name = str(claims.get("name") or email or claims["sub"])[:200]
        await run_in_threadpool(identity.accounts.sign_in, key[:300], name, email[:300])
        then = request.session.get("next", "/")
        request.session.clear()  # nothing of who was here before
        began = min(float(claims.get("auth_time", claims.get("iat", 0))), time.time())
        request.session.update(person=key[:300], began=began)
        return RedirectResponse(then, 303)

    @router.post("/logout")
    def logout(request: Request, user: SignedIn) -> RedirectResponse:
        """End all sessions of a person, also those whose cookie somebody took."""
        if not user.token and not settings.single_user:
            identity.accounts.sign_out(user.id, user.name)
        request.session.clear()
        return RedirectResponse("/", 303)

    return router


def _provider(settings: Settings) -> Any:
    if settings.single_user:
        return None
    from authlib.integrations.starlette_client import OAuth

    oauth = OAuth()
    oauth.register(
        "provider",
        client_id=settings.oidc_client,
        client_secret=settings.oidc_secret,
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256"},
    )
    return oauth.create_client("provider")


def same_origin(headers: Mapping[str, str], host: str) -> bool:
    """Whether a request that writes comes from a page of this server, or from a program.

    Browsers say where a form or a script is from (`Sec-Fetch-Site`, `Origin`), and no page can make them say otherwise;
    a request with a session's cookie that says nothing is refused too.

    >>> same_origin({"origin": "https://evil.example"}, "lab.example"), same_origin({}, "lab.example")
    (False, True)
    >>> same_origin({"cookie": f"{COOKIE}=x"}, "lab.example"), same_origin({"sec-fetch-site": "same-origin"}, "")
    (False, True)
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin", "")
    if site is not None:
        return site in ("same-origin", "none")
    if origin:
        return urlsplit(origin).netloc == host
    return "authorization" in headers or COOKIE not in headers.get("cookie", "")
