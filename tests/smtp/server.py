"""A mail server for the journeys: keeps what it gets, and misbehaves when told to.

Each mail it takes becomes a line of JSON in FOLDER/mails. Each mail that is begun (MAIL FROM) adds
a line to FOLDER/tries. Its mood is what FOLDER/mood says at that moment:

    (nothing)         takes everything
    MAIL 450 text     replies so to MAIL FROM; RCPT, DATA (the end of the mail) likewise
    slow 3            waits for so many seconds before it replies to MAIL FROM
    drop              hangs up at the end of a mail
"""
import argparse
import asyncio
import email
import email.policy
import json
import pathlib
import ssl

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

parser = argparse.ArgumentParser()
parser.add_argument("port", type=int)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--tls", choices=["starttls", "implicit"])
parser.add_argument("--certificate")
parser.add_argument("--key")
parser.add_argument("--user")
parser.add_argument("--password")
options = parser.parse_args()


def mood():
    file = options.folder / "mood"
    return file.read_text().strip() if file.exists() else ""


def note(name, line):
    with open(options.folder / name, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def refusal(step):
    said = mood()
    return said.removeprefix(step + " ") if said.startswith(step + " ") else None


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, mail_options):
        note("tries", address)
        if mood().startswith("slow "):
            await asyncio.sleep(float(mood().removeprefix("slow ")))
        if refused := refusal("MAIL"):
            return refused
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if refused := refusal("RCPT"):
            return refused
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if mood() == "drop":
            server.transport.abort()
            return "421 gone"
        if refused := refusal("DATA"):
            return refused
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in mail.iter_parts()}
        note("mails", json.dumps({
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "headers": [[name, str(value)] for name, value in mail.items()],
            "text": parts.get("text/plain"),
            "html": parts.get("text/html"),
            "encrypted": session.ssl is not None or options.tls == "implicit",
            "user": session.auth_data,
            "hello": session.host_name,
        }))
        return "250 OK"


def authenticate(server, session, envelope, mechanism, login):
    if not isinstance(login, LoginPassword):
        return AuthResult(success=False, handled=False)
    given = (login.login.decode(), login.password.decode())
    good = given == (options.user, options.password)
    return AuthResult(success=good, auth_data=given[0] if good else None, handled=False)


async def serve():
    context = None
    if options.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.certificate, options.key)

    def protocol():
        return SMTP(
            Handler(),
            hostname="mail.test",
            tls_context=context if options.tls == "starttls" else None,
            require_starttls=options.tls == "starttls",
            authenticator=authenticate if options.user else None,
            auth_required=options.user is not None,
            # Of TLS from the first byte it does not know.
            auth_require_tls=options.tls == "starttls",
        )

    wrapped = context if options.tls == "implicit" else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", options.port, ssl=wrapped)
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(serve())
