"""The two pages that somebody sees on the way back from an identity provider.

They load nothing and run nothing. After a sign-in a page leads on instead of a redirect: the session's cookie is not
sent with a request that another site began (SameSite=Strict), and a redirect still counts as begun there.
"""

from html import escape

from fastapi.responses import HTMLResponse

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the address of this page held the provider's code
    "X-Content-Type-Options": "nosniff",
}


def leading_on(url: str) -> HTMLResponse:
    """The page after a sign-in; the browser goes on to `url` by itself."""
    link = escape(url, quote=True)
    return _page(
        "Signed in",
        f'<p>Signed in. <a href="{link}">Go on</a></p>',
        f'<meta http-equiv="refresh" content="0;url={link}">',
    )


def refusal(sentence: str, again: str, status: int, headers: dict[str, str]) -> HTMLResponse:
    """The page after a sign-in that failed; `again` is where to begin another."""
    page = _page(
        "Not signed in",
        f"<h1>Not signed in</h1><p>{escape(sentence)}</p>"
        f'<p><a href="{escape(again, quote=True)}">Sign in again</a></p>',
    )
    page.status_code = status
    page.headers.update(headers)
    return page


def _page(title: str, body: str, head: str = "") -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title} - rootcoz</title>{head}</head>'
        f"<body>{body}</body></html>",
        headers=_HEADERS,
    )
