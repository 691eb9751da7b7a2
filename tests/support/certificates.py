"""Certificates for servers of tests."""

import ssl
from pathlib import Path

import pytest
import trustme


class Authority:
    """Signs certificates. Only who asks for it trusts them."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def trusted_by(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Have this process trust it, as an operator would: by OpenSSL's variable."""
        file = folder / "authority.pem"
        self._authority.cert_pem.write_to_path(str(file))
        monkeypatch.setenv("SSL_CERT_FILE", str(file))

    def server(self, *names: str) -> ssl.SSLContext:
        """For a server of those names or addresses."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._authority.issue_cert(*names).configure_cert(context)
        return context
