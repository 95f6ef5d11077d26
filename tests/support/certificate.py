"""A certificate that nobody has signed but itself."""

import datetime as dt
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def certificate(home: Path) -> ssl.SSLContext:
    """Of `localhost` alone, signed by itself; its own authority is `named.pem`, and `named.der`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (home / "named.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (home / "named.der").write_bytes(made.public_bytes(serialization.Encoding.DER))
    (home / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "named.pem", home / "key.pem")
    return context


def signed_certificate(home: Path) -> ssl.SSLContext:
    """Of `localhost`, signed by an authority of its own: that is `authority.pem`."""
    signer, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _made("authority", "authority", signer.public_key(), signer, ca=True)
    named = _made("authority", "localhost", key.public_key(), signer, ca=False)
    (home / "authority.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (home / "signed.pem").write_bytes(named.public_bytes(serialization.Encoding.PEM))
    (home / "signed-key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "signed.pem", home / "signed-key.pem")
    return context


def _made(
    issuer: str,
    subject: str,
    key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
) -> x509.Certificate:
    by, of = (
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        for name in (issuer, subject)
    )
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder(by, of, key, x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(subject)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
