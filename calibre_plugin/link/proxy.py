"""The proxy that calibre itself would use."""

from __future__ import annotations

from .contract import Account


def with_proxy(account: Account) -> Account:
    """The account with calibre's proxy for this server, unless it names one of its own."""
    from calibre import get_proxies

    if account["proxy"] is not None:
        return account
    proxies = get_proxies(debug=False)
    proxy = proxies.get("https" if account["url"].startswith("https") else "http")
    if not proxy or is_local(account["url"]):
        return account
    return {**account, "proxy": proxy if "://" in proxy else f"http://{proxy}"}


def is_local(url: str) -> bool:
    """Whether the server is this machine, or excepted from proxies by the system."""
    from urllib.parse import urlsplit
    from urllib.request import proxy_bypass

    host = urlsplit(url if "://" in url else f"//{url}").hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") or bool(proxy_bypass(host))
