"""One token for each form session, sent with every change; compared in constant time.

The token lives in Flask's signed cookie (`hub_form`), which holds nothing else of worth, so
that signing in is protected too. It is replaced at sign-in.
"""

import hmac
import secrets

from flask import Request, session

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SAME_ORIGIN = frozenset({"", "same-origin", "none"})


def token() -> str:
    if FIELD not in session:
        renew()
    return str(session[FIELD])


def renew() -> None:
    session[FIELD] = secrets.token_urlsafe(24)


def is_own_site(request: Request) -> bool:
    """False where the browser says that another site's page sent this; nothing of it is done or kept."""
    return request.headers.get("Sec-Fetch-Site", "") in SAME_ORIGIN


def is_right(request: Request) -> bool:
    """Whether a changing request came from a form of ours: right token, and no other site's doing."""
    if request.method in SAFE_METHODS:
        return True
    if not is_own_site(request):
        return False
    sent = request.headers.get(HEADER) or request.form.get(FIELD, "")
    known = str(session.get(FIELD, ""))
    return bool(known) and hmac.compare_digest(sent.encode(), known.encode())
