import datetime as dt
import hashlib
import ssl
import threading
from functools import partial
from http.server import ThreadingHTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from hub.setup import fetch as fetching
from hub.setup.fetch import Pin, fetch, fetch_pinned
from hub.setup.problems import SetupProblem
from tests.setup.conftest import Quiet

CONTENT = b"exactly these bytes"


def pin_of(content):
    return Pin(algorithm="sha512", digest=hashlib.sha512(content).hexdigest())


def test_the_pinned_file_is_taken(registry):
    folder, address = registry
    (folder / "a.tgz").write_bytes(CONTENT)

    assert fetch_pinned(address + "a.tgz", pin_of(CONTENT)) == CONTENT


def test_a_file_changed_on_its_way_is_refused(registry):
    folder, address = registry
    (folder / "a.tgz").write_bytes(CONTENT + b" and more")

    with pytest.raises(SetupProblem, match=r"a\.tgz is not the file that the hub was checked with") as told:
        fetch_pinned(address + "a.tgz", pin_of(CONTENT))

    assert told.value.code == 1


def test_a_file_that_is_not_there_is_named(registry):
    with pytest.raises(SetupProblem, match=r"absent\.tgz answered 404: check the registry's address"):
        fetch(registry[1] + "absent.tgz")


def test_without_a_network_the_file_is_named_with_what_to_do(unused_port):
    with pytest.raises(SetupProblem, match=r"x\.tgz could not be fetched \(.*\): check the network"):
        fetch(f"http://127.0.0.1:{unused_port}/x.tgz")


def test_an_address_that_is_none_is_a_sentence():
    with pytest.raises(SetupProblem, match="could not be fetched"):
        fetch("not an address")


def test_a_far_too_large_file_is_refused(registry, monkeypatch):
    monkeypatch.setattr(fetching, "MOST", 10)
    (registry[0] / "big").write_bytes(b"x" * 11)

    with pytest.raises(SetupProblem, match="far larger than it should be"):
        fetch(registry[1] + "big")


def key_usage():
    """What newer Pythons want to see in an authority's certificate."""
    unused = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign")
    off = dict.fromkeys((*unused, "encipher_only", "decipher_only"), False)
    return x509.KeyUsage(digital_signature=True, key_cert_sign=True, **off)


def certificate():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Fenmarch test authority")])
    now = dt.datetime.now(dt.UTC)
    hour = dt.timedelta(hours=1)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - hour)
        .not_valid_after(now + hour)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(key_usage(), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signed.public_bytes(serialization.Encoding.PEM), private


class Silent(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that turns away from the certificate is what the test wants."""


@pytest.fixture
def tls(tmp_path):
    """An https server with a certificate of nobody's, and that certificate's file."""
    public, private = certificate()
    (tmp_path / "ca.pem").write_bytes(public)
    (tmp_path / "both.pem").write_bytes(private + public)
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "file").write_bytes(CONTENT)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    server = Silent(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "served")))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"https://localhost:{server.server_port}/file", tmp_path / "ca.pem"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_certificate_that_cannot_be_checked_is_said_with_what_to_do(tls, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)

    with pytest.raises(
        SetupProblem, match="certificate cannot be checked: install the ca-certificates package"
    ):
        fetch(tls[0])


def test_an_organisations_own_certificate_is_believed_by_setting(tls, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tls[1]))

    assert fetch(tls[0]) == CONTENT
