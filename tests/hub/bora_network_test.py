#!/usr/bin/env python3
"""What lies between bora and the Hub: TLS with a certificate authority of one's own, proxies, and redirects that lead
where a token must not go. The double is the Hub.

usage: bora_network_test.py BORA [unittest arguments]
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from bora_case import TOKEN, WANTED, Case
from recording_proxy import Proxy

NOBODY = "http://127.0.0.1:9"  # the port of "discard": nothing listens there


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def make_certificates(folder):
    """ca.pem, and a certificate that it has signed, for 127.0.0.1 (server.pem) and for a host that is not ours
    (other.pem), each with its key."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    openssl("req", "-x509", *key, "-subj", "/CN=bora test CA", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    for name, host in (("server", "IP:127.0.0.1"), ("other", "DNS:other.example")):
        openssl("req", *key[:-2], "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key", "-out",
                folder / f"{name}.csr")
        (folder / "extensions").write_text(f"subjectAltName={host}\n")
        openssl("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", folder / "extensions", "-out", folder / f"{name}.pem")


@unittest.skipUnless(shutil.which("openssl"), "needs the program openssl")
class TlsCase(Case):
    certificate = "server"

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix="bora-tls-")
        cls.addClassCleanup(folder.cleanup)
        cls.certificates = pathlib.Path(folder.name)
        make_certificates(cls.certificates)
        cls.ca = str(cls.certificates / "ca.pem")
        cls.settings = {"certificate": cls.certificates / f"{cls.certificate}.pem",
                        "key": cls.certificates / f"{cls.certificate}.key"}

    def expect_untrusted(self, **variables):
        """One error that names the certificate, with the way out, without another attempt."""
        stderr = self.pull("--token", TOKEN, "--quiet", code=1, BORA_LOG="info", **variables).stderr
        self.assertNotIn("attempt 2", stderr)
        lines = stderr[stderr.index("bora: "):].splitlines()
        self.assertRegex(lines[0], r"^bora: acme/data: expected an answer of https://127.*found .*certificate")
        self.assertIn("  SSL_CERT_FILE names a file with the certificates to trust", lines[1])
        self.assertEqual(self.double.log.lines(), [])
        self.assertFalse(list(self.cache.glob("models--*/snapshots/*")))


class OwnAuthority(TlsCase):
    def test_is_trusted_where_a_variable_names_it(self):
        for name in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
            with self.subTest(name):
                shutil.rmtree(self.home, ignore_errors=True)
                self.pull("--token", TOKEN, **{name: self.ca})
                self.check_snapshot(WANTED)

    def test_is_trusted_in_a_folder_of_certificates(self):
        folder = self.folder / "hf/certificates"
        folder.mkdir(parents=True)
        shutil.copy(self.ca, folder / "ca.pem")
        openssl("rehash", folder)
        for name in ("SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"):
            shutil.rmtree(self.cache, ignore_errors=True)
            self.pull(**{name: str(folder)})
            self.check_snapshot(WANTED)

    def test_is_not_trusted_where_nothing_names_it(self):
        self.expect_untrusted()

    def test_is_an_error_where_the_file_holds_none(self):
        (self.home / "x").mkdir(parents=True)
        empty = self.home / "x/empty.pem"
        empty.write_text("no certificate\n")
        self.expect_untrusted(SSL_CERT_FILE=str(empty))
        stderr = self.pull(code=2, SSL_CERT_FILE=str(empty) + ".not").stderr
        self.assertIn("expected certificates, found no such file", stderr)

    def test_the_token_goes_to_the_hub_alone(self):
        self.pull("--token", TOKEN, SSL_CERT_FILE=self.ca)
        lines = self.double.log.lines()
        self.assertGreater(sum(line["origin"] == "cdn" for line in lines), 20)
        self.assertEqual({line["origin"] for line in lines if line["authorization"]}, {"hub"})

    def test_the_token_follows_no_redirect_to_another_origin(self):
        self.double.faults.add([{"kind": "redirect", "match": "/api/models/acme/data/revision", "times": 0,
                                 "to": self.double.cdn_url + "/api/models/acme/data"}])
        self.pull("--token", TOKEN, "--retries", "0", code=1, SSL_CERT_FILE=self.ca)
        lines = self.double.log.lines()
        self.assertEqual([(line["origin"], line["authorization"]) for line in lines], [("hub", True), ("cdn", False)])

    def test_no_redirect_leads_from_https_to_http(self):
        plain = Proxy()  # notes whatever comes
        self.addCleanup(plain.stop)
        for match in ("/api/", "/resolve/"):
            self.double.faults.clear()
            self.double.faults.add([{"kind": "redirect", "match": match, "origin": "hub", "times": 0,
                                     "to": f"http://{plain.address}/x"}])
            stderr = self.pull("--token", TOKEN, code=1, SSL_CERT_FILE=self.ca).stderr
            self.assertIn("found a redirect to where none may lead", stderr)
        self.assertEqual(plain.heads, [])


class OtherHost(TlsCase):
    certificate = "other"

    def test_a_certificate_of_another_host_is_refused(self):
        stderr = self.pull("--token", TOKEN, "--quiet", code=1, SSL_CERT_FILE=self.ca).stderr
        self.assertRegex(stderr.splitlines()[0], r"found .*certificate.*127\.0\.0\.1")
        self.assertEqual(self.double.log.lines(), [])


class ProxyOfHttps(TlsCase):
    def test_gets_tunnels_and_no_token(self):
        proxy = Proxy()
        self.addCleanup(proxy.stop)
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
            with self.subTest(name):
                proxy.heads.clear()
                shutil.rmtree(self.home, ignore_errors=True)
                self.pull("--token", TOKEN, SSL_CERT_FILE=self.ca, **{name: f"http://{proxy.address}"})
                self.check_snapshot(WANTED)
                asked = {head.split("\r\n")[0] for head in proxy.heads}
                origins = [self.double.hub_url, self.double.cdn_url]
                self.assertEqual(asked, {f"CONNECT {url.removeprefix('https://')} HTTP/1.1" for url in origins})
                self.assertNotIn("Authorization", "".join(proxy.heads))
                self.assertNotIn(TOKEN, "".join(proxy.heads))

    def test_is_passed_by_where_no_proxy_says_so(self):
        for name in ("NO_PROXY", "no_proxy"):
            shutil.rmtree(self.home, ignore_errors=True)
            self.pull(SSL_CERT_FILE=self.ca, HTTPS_PROXY=NOBODY, **{name: "example.org,127.0.0.1"})
            self.check_snapshot(WANTED)

    def test_that_is_not_there_is_one_clear_error(self):
        stderr = self.pull("--retries", "0", code=1, SSL_CERT_FILE=self.ca, HTTPS_PROXY=NOBODY).stderr
        self.assertRegex(stderr, r"bora: acme/data: expected an answer of https://127[^\n]*found [^\n]*port 9")
        self.assertEqual(self.double.log.lines(), [])

    def test_gets_its_password_and_no_error_shows_it(self):
        proxy = Proxy("s3cret")
        self.addCleanup(proxy.stop)
        self.pull("--token", TOKEN, SSL_CERT_FILE=self.ca, HTTPS_PROXY=f"http://user:s3cret@{proxy.address}")
        self.check_snapshot(WANTED)
        shutil.rmtree(self.home)
        stderr = self.pull("--retries", "0", code=1, SSL_CERT_FILE=self.ca,
                           HTTPS_PROXY=f"http://user:wr0ng@{proxy.address}").stderr
        self.assertIn("407", stderr)
        self.assertNotIn("wr0ng", stderr)


class ProxyOfHttp(Case):
    def test_gets_whole_urls(self):
        proxy = Proxy()
        self.addCleanup(proxy.stop)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            with self.subTest(name):
                proxy.heads.clear()
                shutil.rmtree(self.home, ignore_errors=True)
                self.pull(**{name: f"http://{proxy.address}"})
                self.check_snapshot(WANTED)
                self.assertTrue(proxy.heads)
                self.assertTrue(all(head.startswith("GET http://127.0.0.1:") for head in proxy.heads))

    def test_in_capitals_is_nothing_to_a_program_that_a_web_server_runs(self):
        self.pull(HTTP_PROXY=NOBODY, REQUEST_METHOD="GET")
        self.check_snapshot(WANTED)

    def test_is_passed_by_where_no_proxy_says_so(self):
        self.pull(HTTP_PROXY=NOBODY, NO_PROXY="127.0.0.1")
        self.check_snapshot(WANTED)
        self.pull("--retries", "0", code=1, HTTP_PROXY=NOBODY, NO_PROXY="example.org")


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
