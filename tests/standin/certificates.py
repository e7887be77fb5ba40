"""A certificate authority for one test session, which certifies hosts as they are asked for."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from socket import socket

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LOCAL = "localhost"


class Authority:
    """Makes certificates; :attr:`path` is the file of its own, for clients to trust.

    Args:
        folder: where its file is to be.
        is_known: tells which hosts, but ``localhost``, are to be certified.
    """

    def __init__(self, folder: Path, is_known: Callable[[str], bool]) -> None:
        self._folder, self._is_known = folder, is_known
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = self._sign("stand-in authority", self._key.public_key())
        self.path = folder / "authority.pem"
        self.path.write_bytes(self._certificate.public_bytes(Encoding.PEM))
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._asked = threading.local()
        self._lock = threading.Lock()
        self._entrance = self._context(LOCAL)
        self._entrance.sni_callback = self._choose

    def secure(self, connection: socket) -> ssl.SSLSocket:
        """Put TLS on a connection, for a client that is about to shake hands."""
        return self._entrance.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )

    def shake_hands(self, connection: ssl.SSLSocket) -> str:
        """Shake hands with a client; return the host that the client asked for."""
        self._asked.host = LOCAL
        connection.do_handshake()
        return str(self._asked.host)

    def _choose(self, connection: ssl.SSLObject, host: str | None, _: ssl.SSLContext) -> None:
        if host and host != LOCAL and self._is_known(host):
            self._asked.host = host
            connection.context = self._context(host)

    def _context(self, host: str) -> ssl.SSLContext:
        with self._lock:
            if host not in self._contexts:
                self._contexts[host] = self._new_context(host)
            return self._contexts[host]

    def _new_context(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        path = self._folder / f"{host}.pem"
        path.write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            + self._sign(host, key.public_key()).public_bytes(Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        path.unlink()
        return context

    def _sign(self, name: str, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        is_own = not hasattr(self, "_certificate")
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if is_own else self._certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=is_own, path_length=None), critical=True)
        )
        if not is_own:
            names: list[x509.GeneralName] = [x509.DNSName(name)]
            if name == LOCAL:
                names.append(x509.IPAddress(IPv4Address("127.0.0.1")))
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self._key, hashes.SHA256())
