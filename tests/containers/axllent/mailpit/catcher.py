"""Catches mail as Mailpit does: SMTP on 1025, and on 8025 as much of its API as the journey asks."""
import email
import email.policy
import json
import os
from email.utils import getaddresses
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from aiosmtpd.controller import Controller

ROOT = os.environ.get("MP_WEBROOT", "/").rstrip("/")
caught = []


class Catcher:
    async def handle_DATA(self, _server, _session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        to = [{"Name": name, "Address": address} for name, address in getaddresses(mail.get_all("to", []))]
        caught.insert(0, {"Subject": str(mail["subject"]), "To": to})
        return "250 OK"


class Api(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path.split("?")[0] == f"{ROOT}/api/v1/messages"
        body = json.dumps({"messages": caught} if found else {}).encode()
        self.send_response(200 if found else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


Controller(Catcher(), hostname="0.0.0.0", port=1025).start()
ThreadingHTTPServer(("0.0.0.0", 8025), Api).serve_forever()
