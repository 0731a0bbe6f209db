#!/usr/bin/env python3
"""Tests of the test double of the Hub: what it serves, what it refuses, and that each fault is the fault it says."""

import hashlib
import http.client
import json
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from hubdouble.faults import FAULT_KINDS
from hubdouble.messages import parse_range
from hubdouble.server import Double, Settings

MODEL = "acme/tiny"
WEIGHTS = bytes(range(256)) * 1000
CONFIG = b'{"a": 1}\n'
WEIGHTS_PATH, CONFIG_PATH = f"/{MODEL}/resolve/main/model.safetensors", f"/{MODEL}/resolve/main/config.json"


class Answer:
    def __init__(self, response, method):
        self.status, self.headers = response.status, response.headers
        try:
            self.body, self.cut = (b"" if method == "HEAD" else response.read()), False
        except http.client.IncompleteRead as error:
            self.body, self.cut = error.partial, True

    def json(self):
        return json.loads(self.body)


class DoubleTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        repository = self.root / MODEL
        (repository / "sub" / "deep").mkdir(parents=True)
        (repository / "config.json").write_bytes(CONFIG)
        (repository / "model.safetensors").write_bytes(WEIGHTS)
        (repository / "sub" / "deep" / "x.txt").write_bytes(b"x")
        self.double = Double(Settings(self.root, users={"hf_ann": "ann", "hf_bob": "bob"}))
        self.double.start()
        self.addCleanup(self.double.stop)
        self.repository = self.double.store.get(MODEL)

    def ask(self, target, method="GET", body=None, **headers):
        """`target`: a path of the hub, or a whole address. Header names with _ for -."""
        url = urllib.parse.urlsplit(target if target.startswith("http") else self.double.hub_url + target)
        connection = http.client.HTTPConnection(url.netloc, timeout=20)
        self.addCleanup(connection.close)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body)
        connection.request(method, url.path + (f"?{url.query}" if url.query else ""), data, named)
        return Answer(connection.getresponse(), method)

    def weights_url(self):
        return self.ask(WEIGHTS_PATH, "HEAD").headers["Location"]

    def fault(self, **values):
        self.double.faults.add([values])

    def refusal(self, path, **headers):
        answer = self.ask(path, **headers)
        return answer.status, answer.headers["X-Error-Code"]


class Serving(DoubleTest):
    def test_a_small_file_comes_from_the_hub_with_its_git_id(self):
        answer = self.ask(CONFIG_PATH)
        git_id = hashlib.sha1(b"blob %d\0" % len(CONFIG) + CONFIG).hexdigest()
        self.assertEqual((answer.status, answer.body, answer.headers["ETag"]), (200, CONFIG, f'"{git_id}"'))
        self.assertEqual(answer.headers["X-Repo-Commit"], self.repository.find("main").id)

    def test_an_lfs_file_is_redirected_to_the_cdn_with_its_sha256(self):
        head = self.ask(WEIGHTS_PATH, "HEAD")
        self.assertEqual((head.status, head.headers["X-Linked-Size"]), (302, str(len(WEIGHTS))))
        self.assertEqual(head.headers["X-Linked-ETag"], f'"{hashlib.sha256(WEIGHTS).hexdigest()}"')
        self.assertTrue(head.headers["Location"].startswith(self.double.cdn_url))
        self.assertEqual(self.ask(head.headers["Location"]).body, WEIGHTS)

    def test_ranges_of_the_cdn(self):
        url, size = self.weights_url(), len(WEIGHTS)
        for asked, first, end in (("0-9", 0, 10), ("5-", 5, size), ("-7", size - 7, size), (f"9-{size * 2}", 9, size)):
            answer = self.ask(url, Range=f"bytes={asked}")
            self.assertEqual((answer.status, answer.body), (206, WEIGHTS[first:end]), asked)
            self.assertEqual(answer.headers["Content-Range"], f"bytes {first}-{end - 1}/{size}")
        answer = self.ask(url, Range=f"bytes={size}-")
        self.assertEqual((answer.status, answer.headers["Content-Range"]), (416, f"bytes */{size}"))

    def test_malformed_and_several_ranges_are_the_whole_file(self):
        for value in (None, "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "items=0-1"):
            self.assertIsNone(parse_range(value, 10), value)
        self.assertEqual(parse_range("bytes=-0", 10), "unsatisfiable")

    def test_conditions(self):
        etag = self.ask(CONFIG_PATH).headers["ETag"]
        self.assertEqual(self.ask(CONFIG_PATH, If_None_Match=etag).status, 304)
        self.assertEqual(self.ask(CONFIG_PATH, Range="bytes=0-1", If_Range=etag).status, 206)
        self.assertEqual(self.ask(CONFIG_PATH, Range="bytes=0-1", If_Range='"other"').status, 200)

    def test_the_cdn_refuses_authorization_and_addresses_that_are_not_signed(self):
        url = self.weights_url()
        self.assertEqual(self.ask(url, Authorization="Bearer hf_ann").status, 400)
        self.assertEqual(self.ask(url.replace("Signature=", "Signature=0")).status, 403)
        self.double.cdn.lifetime = -1
        self.assertEqual(self.ask(self.weights_url()).status, 403)
        self.assertEqual(self.double.log.state()["authorization_at_cdn"], 1)

    def test_the_tree_in_pages(self):
        self.double.api.page_size = 2
        first = self.ask(f"/api/models/{MODEL}/tree/main?recursive=true")
        rest = self.ask(first.headers["Link"].split(">")[0][1:])
        self.assertEqual([item["path"] for item in first.json() + rest.json()],
                         ["sub", "sub/deep", "config.json", "model.safetensors"])
        last = self.ask(rest.headers["Link"].split(">")[0][1:])
        self.assertEqual(([item["path"] for item in last.json()], last.headers["Link"]), (["sub/deep/x.txt"], None))

    def test_one_folder_of_the_tree(self):
        found = [item["path"] for item in self.ask(f"/api/models/{MODEL}/tree/main/sub").json()]
        self.assertEqual(found, ["sub/deep"])
        self.assertEqual(self.refusal(f"/api/models/{MODEL}/tree/main/none"), (404, "EntryNotFound"))

    def test_refusals(self):
        self.repository.load({"gated": "manual"})
        ann = {"Authorization": "Bearer hf_ann"}
        self.assertEqual(self.refusal(CONFIG_PATH), (401, "GatedRepo"))
        self.assertEqual(self.refusal(CONFIG_PATH, **ann), (403, "GatedRepo"))
        self.assertEqual(self.ask(f"/api/models/{MODEL}").json()["gated"], "manual")
        self.repository.load({"accepted": ["ann"]})
        self.assertEqual(self.refusal(CONFIG_PATH, **ann), (200, None))
        self.assertEqual(self.refusal(f"/{MODEL}/resolve/main/none", **ann), (404, "EntryNotFound"))
        self.assertEqual(self.refusal(f"/{MODEL}/resolve/none/config.json", **ann), (404, "RevisionNotFound"))
        self.assertEqual(self.refusal("/api/models/acme/none"), (401, None))
        self.assertEqual(self.refusal("/api/models/acme/none", **ann), (404, "RepoNotFound"))
        self.assertEqual(self.refusal(f"/api/models/{MODEL}", Authorization="Bearer hf_no"), (401, None))

    def test_a_private_model_is_not_there_for_others(self):
        self.repository.load({"private": True, "owner": "ann"})
        self.assertEqual(self.refusal(f"/api/models/{MODEL}", Authorization="Bearer hf_bob"), (404, "RepoNotFound"))
        self.assertEqual(self.refusal(f"/api/models/{MODEL}", Authorization="Bearer hf_ann"), (200, None))
        self.assertEqual(self.ask("/api/models?search=tiny").json(), [])

    def test_a_file_of_any_name(self):
        names = ["../../x", "/etc/x", "a\0b"]
        self.repository.load({"extra_files": [{"path": name, "text": name} for name in names]})
        found = {item["rfilename"] for item in self.ask(f"/api/models/{MODEL}").json()["siblings"]}
        self.assertLess(set(names), found)
        for name in names:
            path = urllib.parse.quote(name, safe="")
            self.assertEqual(self.ask(f"/{MODEL}/resolve/main/{path}").body, name.encode())


class Striking(DoubleTest):
    def test_cut_and_resume(self):
        url = self.weights_url()
        self.fault(kind="cut", origin="cdn", after=100_000)
        first = self.ask(url)
        self.assertEqual((first.cut, first.body), (True, WEIGHTS[:100_000]))
        self.assertEqual(self.ask(url, Range="bytes=100000-").body, WEIGHTS[100_000:])

    def test_cut_before_the_status_line_and_by_reset(self):
        self.fault(kind="cut", after=-1)
        with self.assertRaises(http.client.RemoteDisconnected):
            self.ask(CONFIG_PATH)
        self.fault(kind="cut", after=-1, reset=True)
        with self.assertRaises(ConnectionResetError):
            self.ask(CONFIG_PATH)

    def test_a_corrupted_byte_also_inside_a_range(self):
        url = self.weights_url()
        self.fault(kind="corrupt", origin="cdn", at=1000, times=2)
        wrong = WEIGHTS[:1000] + bytes([WEIGHTS[1000] ^ 0xFF]) + WEIGHTS[1001:]
        self.assertEqual(self.ask(url).body, wrong)
        self.assertEqual(self.ask(url, Range="bytes=990-1009").body, wrong[990:1010])
        self.assertEqual(self.ask(url).body, WEIGHTS)

    def test_status_skip_and_times(self):
        self.fault(kind="status", status=429, headers={"Retry-After": "7"}, skip=1, times=2)
        answers = [self.ask(CONFIG_PATH) for _ in range(4)]
        self.assertEqual([answer.status for answer in answers], [200, 429, 429, 200])
        self.assertEqual(answers[1].headers["Retry-After"], "7")

    def test_wrong_lengths(self):
        self.fault(kind="length", by=5)
        longer = self.ask(CONFIG_PATH)
        self.assertEqual((longer.cut, longer.body, longer.headers["Content-Length"]), (True, CONFIG, "14"))
        self.fault(kind="length", by=-5)
        self.assertEqual(self.ask(CONFIG_PATH).body, CONFIG[:-5])

    def test_headers_set_and_removed(self):
        self.fault(kind="headers", set={"ETag": '"other"'}, remove=["X-Repo-Commit", "Content-Length"])
        answer = self.ask(CONFIG_PATH)
        self.assertEqual((answer.headers["ETag"], answer.body), ('"other"', CONFIG))
        self.assertIsNone(answer.headers["X-Repo-Commit"])
        self.assertIsNone(answer.headers["Content-Length"])

    def test_ranges_ignored_and_shifted(self):
        url = self.weights_url()
        self.fault(kind="ignore_range", origin="cdn")
        answer = self.ask(url, Range="bytes=5-9")
        self.assertEqual((answer.status, answer.body), (200, WEIGHTS))
        self.fault(kind="shift_range", by=3)
        answer = self.ask(url, Range="bytes=5-9")
        self.assertEqual((answer.body, answer.headers["Content-Range"][:10]), (WEIGHTS[8:13], "bytes 8-12"))

    def test_redirects(self):
        self.fault(kind="redirect", times=2)
        self.assertEqual(self.ask(CONFIG_PATH).headers["Location"], CONFIG_PATH)
        self.fault(kind="redirect", to="file:///etc/passwd", skip=1)
        self.assertEqual(self.ask(CONFIG_PATH).headers["Location"], CONFIG_PATH)
        self.assertEqual(self.ask(CONFIG_PATH).headers["Location"], "file:///etc/passwd")

    def test_bodies_that_are_not_what_they_should_be(self):
        path = f"/api/models/{MODEL}"
        self.fault(kind="text", text="<html>")
        self.assertEqual(self.ask(path).body, b"<html>")
        self.fault(kind="huge_json", bytes=3 << 20)
        self.assertGreater(len(self.ask(path).json()), 1_000_000)
        self.fault(kind="deep_json", depth=5000)
        self.assertEqual(self.ask(path).body, b"[" * 5000 + b"]" * 5000)
        self.fault(kind="raw", text="no HTTP\n\n")
        with self.assertRaises(http.client.BadStatusLine):
            self.ask(path)

    def test_encodings(self):
        self.fault(kind="chunked")
        answer = self.ask(CONFIG_PATH)
        self.assertEqual((answer.headers["Content-Length"], answer.body), (None, CONFIG))
        self.fault(kind="gzip", times=2)
        self.assertEqual(self.ask(CONFIG_PATH, Accept_Encoding="identity").body, CONFIG)
        self.assertEqual(self.ask(CONFIG_PATH, Accept_Encoding="gzip").headers["Content-Encoding"], "gzip")

    def test_pauses_end_and_change_nothing(self):
        url = self.weights_url()
        for values in ({"kind": "stall", "after": 10, "seconds": 0.01}, {"kind": "delay", "seconds": 0.01},
                       {"kind": "slow", "rate": 1e9}):
            self.fault(**values)
            self.assertEqual(self.ask(url).body, WEIGHTS, values)
        self.assertEqual([line["faults"] for line in self.double.log.lines()[1:]], [["stall"], ["delay"], ["slow"]])

    def test_a_revision_that_moves_between_two_requests(self):
        (self.repository.folder / ".double").mkdir()
        (self.repository.folder / ".double" / "config.json").write_text("new")
        before = self.repository.find("main").id
        self.fault(kind="move", match="/api/", id=MODEL, to=".double")
        self.assertEqual(self.ask(f"/api/models/{MODEL}").json()["sha"], before)
        self.assertEqual(self.ask(CONFIG_PATH).body, b"new")
        self.assertEqual(self.ask(f"/{MODEL}/resolve/{before}/config.json").body, CONFIG)

    def test_every_kind_has_a_test_here(self):
        text = pathlib.Path(__file__).read_text(encoding="utf-8")
        for kind in FAULT_KINDS:
            self.assertRegex(text, f'kind(=|": )"{kind}"')


class Controlling(DoubleTest):
    def test_a_fault_that_makes_no_sense_is_refused(self):
        for value in ({"kind": "none"}, {"kind": "cut"}, {"kind": "cut", "after": 1, "what": 2},
                      {"kind": "slow", "match": "("}):
            self.assertEqual(self.ask("/_double/faults", "POST", value).status, 400, value)
        self.assertEqual(self.ask("/_double/state").json()["faults"], [])

    def test_the_log_counts_what_was_sent_and_not_the_control(self):
        url = self.weights_url()
        self.ask(url, Range="bytes=0-99")
        line = self.ask("/_double/log").json()[-1]
        self.assertEqual((line["origin"], line["range"], line["sent"], line["complete"], line["authorization"]),
                         ("cdn", "bytes=0-99", 100, True, False))
        self.assertEqual(self.ask("/_double/state").json()["sent"]["cdn"], 100)
        self.ask("/_double/log", "DELETE")
        self.assertEqual(self.ask("/_double/state").json()["requests"], 0)

    def test_accept_describe_token_and_reload(self):
        self.ask("/_double/describe", "POST", {"id": MODEL, "gated": "auto"})
        self.ask("/_double/token", "POST", {"user": "cy", "token": "hf_cy"})
        self.assertEqual(self.refusal(CONFIG_PATH, Authorization="Bearer hf_cy"), (403, "GatedRepo"))
        self.ask("/_double/accept", "POST", {"id": MODEL, "user": "cy"})
        (self.root / "acme" / "more").mkdir()
        self.ask("/_double/reload", "POST")
        self.assertEqual(self.refusal(CONFIG_PATH, Authorization="Bearer hf_cy"), (200, None))
        self.assertEqual(self.ask("/api/models/acme/more").json()["siblings"], [])

    def test_https_with_a_certificate_of_ones_own(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl to make a certificate with")
        cert, key = self.root / "cert.pem", self.root / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                        "-nodes", "-days", "2", "-subj", "/CN=double", "-addext", "subjectAltName=IP:127.0.0.1",
                        "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
        double = Double(Settings(self.root, certificate=cert, key=key))
        double.start()
        self.addCleanup(double.stop)
        context = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(double.hub_url + WEIGHTS_PATH, context=context, timeout=20) as answer:
            self.assertEqual((answer.url.split(":")[0], answer.read()), ("https", WEIGHTS))

    def test_the_program_writes_its_ports_and_ends_with_its_standard_input(self):
        port_file, log = self.root / "port", self.root / "log"
        program = [sys.executable, str(pathlib.Path(__file__).parent / "double.py"), "--root", str(self.root),
                   "--port-file", str(port_file), "--log", str(log), "--exit-with-stdin",
                   "--faults", '[{"kind": "status", "status": 503}]']
        with subprocess.Popen(program, stdin=subprocess.PIPE) as process:
            while not port_file.exists() and process.poll() is None:
                pass
            values = dict(line.split("=", 1) for line in port_file.read_text(encoding="utf-8").splitlines())
            self.assertEqual(self.ask(values["HUB"] + CONFIG_PATH).status, 503)
            self.assertEqual(values["PID"], str(process.pid))
            process.stdin.close()
            self.assertEqual(process.wait(timeout=20), 0)
        self.assertEqual(json.loads(log.read_text(encoding="utf-8"))["status"], 503)


if __name__ == "__main__":
    unittest.main()
