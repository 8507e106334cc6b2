"""Requests made up from the API's description, against the real program: whatever is asked, the
answer is one that the description knows, and never a fault of ours.

    target/api/bin/python tests/api/run.py target/debug/sotto

Once signed in and once signed out, with rate limits off, on an embedded store that vanishes. The
seed is fixed, so a failure comes again; `API_SEED` gives another one, `API_EXAMPLES` how many
requests are made up for each operation, `API_LOG` a file that keeps what the program logged.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

HERE = Path(__file__).parent
PASSWORD = "correct horse battery staple"
READY = "Sotto is ready."
SEED = os.environ.get("API_SEED", "20260101")
EXAMPLES = os.environ.get("API_EXAMPLES", "60")

# Whether a request is taken that fits its schema, and refused that does not, is left out: most
# rules of ours (what a password is, who is in a room) can't be said in a schema.
CHECKS = ",".join([
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
])

# What may end the session that it is asked with; that comes last.
ENDS_THE_SESSION = ["logout", "end_session"]


class Server:
    """The program, on a data dir of its own."""

    def __init__(self, program, folder):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.origin = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.program = program
        self.log = Path(folder, "log")
        self.environment = {
            "PATH": os.environ["PATH"],
            "SOTTO_LISTEN": self.origin.removeprefix("http://"),
            "SOTTO_PUBLIC_URL": self.origin,
            "SOTTO_DATA_DIR": str(Path(folder, "data")),
            "SOTTO_RATE_LIMITS": "off",
        }

    def __enter__(self):
        self.process = subprocess.Popen(
            [self.program], env=self.environment, stdout=subprocess.PIPE,
            stderr=self.log.open("wb"), text=True,
        )
        for line in self.process.stdout:
            if line.rstrip() == READY:
                return self
        sys.exit(f"the program did not start:\n{self.log.read_text()}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)

    def sign_in(self, name):
        """A browser of somebody who has an account."""
        arguments = ["user", "create", "--username", name, "--email", f"{name}@example.com"]
        subprocess.run(
            [self.program, *arguments, "--verified", "--password-stdin"], env=self.environment,
            input=PASSWORD, text=True, check=True, stdout=subprocess.DEVNULL,
        )
        browser = requests.Session()
        form = {"login": name, "password": PASSWORD}
        browser.post(f"{self.origin}/api/login", json=form).raise_for_status()
        return browser


def populate(server):
    """Two people who talk; the browser of one, and the ids of what is there."""
    ann, bob = server.sign_in("ann"), server.sign_in("bob")
    api = f"{server.origin}/api"
    room = ann.post(f"{api}/rooms", json={"username": "bob"}).json()["id"]
    messages = []
    for number, browser in enumerate([ann, bob, ann, bob]):
        message = {"client_id": f"00000000-0000-4000-8000-{number:012}", "body": f"number {number}"}
        answer = browser.post(f"{api}/rooms/{room}/messages", json=message)
        answer.raise_for_status()
        messages.append(answer.json()["id"])
    files = f"{api}/rooms/{room}/attachments"
    brought = ann.post(files, params={"name": "notes.txt"}, data=b"some bytes")
    brought.raise_for_status()
    # Another session, to be ended.
    other = requests.Session()
    other.post(f"{api}/login", json={"login": "ann", "password": PASSWORD}).raise_for_status()
    listed = ann.get(f"{api}/sessions").json()["sessions"]
    people = [browser.get(f"{api}/me").json()["id"] for browser in (ann, bob)]
    return ann, {
        "room": [room],
        "id": messages,
        "message": messages,
        "user": people,
        "emoji": ["👍", "❤️"],
        "attachment": [brought.json()["id"]],
        "session": [session["id"] for session in listed if not session["current"]],
    }


def make_up_requests(server, folder, ids, phases, *arguments):
    """Whether every answer is one that the description knows."""
    command = [
        str(Path(sys.executable).with_name("st")), "run", f"{server.origin}/openapi.json",
        "--seed", SEED, "--max-examples", EXAMPLES, "--phases", phases, "--checks", CHECKS,
        "--request-timeout", "20", "--continue-on-failure", "--no-color", "--warnings", "off",
        *arguments,
    ]
    environment = {
        **os.environ,
        "SCHEMATHESIS_HOOKS": "hooks",
        "PYTHONPATH": str(HERE),
        "API_IDS": json.dumps(ids),
    }
    return subprocess.run(command, cwd=folder, env=environment).returncode == 0


def each(option, values):
    return [word for value in values for word in (option, value)]


def main(program):
    with tempfile.TemporaryDirectory() as folder, Server(program, folder) as server:
        browser, ids = populate(server)
        cookie = f"Cookie: sotto_session={browser.cookies['sotto_session']}"
        print("signed in", flush=True)
        went_well = make_up_requests(
            server, folder, ids, "examples,coverage,fuzzing,stateful", "-H", cookie,
            *each("--exclude-operation-id", ENDS_THE_SESSION),
        )
        if browser.get(f"{server.origin}/api/me").status_code != 200:
            print("the run signed itself out: see ENDS_THE_SESSION", file=sys.stderr)
            went_well = False
        went_well &= make_up_requests(
            server, folder, ids, "examples,coverage,fuzzing", "-H", cookie,
            *each("--include-operation-id", ENDS_THE_SESSION),
        )
        print("signed out", flush=True)
        went_well &= make_up_requests(server, folder, ids, "examples,fuzzing")
        log = server.log.read_text()
        if os.environ.get("API_LOG"):
            Path(os.environ["API_LOG"]).write_text(log)
        if re.search(r"\bERROR\b|panicked", log):
            print(log[-4000:], file=sys.stderr)
            went_well = False
    return 0 if went_well else 1


if __name__ == "__main__":
    sys.exit(main(str(Path(sys.argv[1]).resolve())))
