# SPDX-License-Identifier: GPL-3.0-or-later
"""A real mail server (aiosmtpd) that keeps what it gets, and misbehaves when told to.

Owns: the server's life, its certificate, its accounts, the messages. Never: what the messages
should say.
"""

import asyncio
import datetime
import email
import email.policy
import ipaddress
import os
import socket
import ssl
import threading
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from harness import free_port

WAIT_S = 30


def make_certificate(folder, name, host="localhost"):
    """A self-signed certificate for `host` and 127.0.0.1; returns (certificate path, key path)."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.utcnow()
    names = [x509.DNSName(host)]
    if host == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = os.path.join(folder, f"{name}.crt"), os.path.join(folder, f"{name}.key")
    with open(paths[0], "wb") as file:
        file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(paths[1], "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
    return paths


class Mail:
    """One message as it came."""

    def __init__(self, envelope, session, secure):
        self.sender = envelope.mail_from
        self.to = list(envelope.rcpt_tos)
        self.raw = envelope.original_content
        self.secure = secure
        self.user = session.auth_data if session.authenticated else None
        self.hello = session.host_name
        self.message = email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self):
        return self.message["Subject"]

    @property
    def text(self):
        return self.message.get_body(("plain",)).get_content().replace("\r\n", "\n")

    @property
    def html(self):
        return self.message.get_body(("html",)).get_content()


class Mailbox:
    """The server. Attributes that tests set while it runs:

    answers: recipient -> a reply that refuses it ("550 5.1.1 no such user")
    data_answer: the reply to the message itself; sender_answer: to MAIL FROM
    slow: seconds before it answers the message; drop_in_data: closes when the message comes
    """

    def __init__(self, tls=None, smtps=False, require_tls=False, users=None, port=None, without=()):
        self.answers, self.data_answer, self.sender_answer = {}, None, None
        self.slow, self.drop_in_data = 0, False
        self.mails, self.tries, self.sessions = [], [], 0
        self.lock = threading.Condition()
        self.port = port or free_port()
        self.users = users
        context = None
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
        options = {"enable_SMTPUTF8": True, "hostname": "mail.test"}
        if context and not smtps:
            options.update(tls_context=context, require_starttls=require_tls)
        if users is not None:
            options.update(
                authenticator=self._authenticate,
                auth_required=True,
                auth_require_tls=bool(context) and not smtps,
                auth_exclude_mechanism=list(without),
            )
        mailbox = self

        class Server(Controller):
            def factory(self):
                return _Smtp(mailbox, self.handler, **options)

        self.controller = Server(
            _Handler(self),
            hostname="127.0.0.1",
            port=self.port,
            ssl_context=context if smtps else None,
        )

    def _authenticate(self, server, session, envelope, mechanism, auth_data):
        login, password = auth_data.login.decode(), auth_data.password.decode()
        with self.lock:
            self.tries.append((mechanism, login, password))
        if self.users.get(login) == password:
            return AuthResult(success=True, auth_data=login)
        return AuthResult(success=False, handled=False)

    def start(self):
        self.controller.start()
        return self

    def stop(self):
        if self.controller is not None:
            controller, self.controller = self.controller, None
            controller.stop()

    def keep(self, mail):
        with self.lock:
            self.mails.append(mail)
            self.lock.notify_all()

    def wait(self, count=1, to=None, seconds=WAIT_S):
        """The messages (to somebody), once there are so many; a failure when they do not come."""
        end = time.monotonic() + seconds
        with self.lock:
            while True:
                got = [mail for mail in self.mails if to is None or to in mail.to]
                if len(got) >= count:
                    return got
                left = end - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{len(got)} of {count} letters to {to} in {seconds} s")
                self.lock.wait(left)


class _Smtp(SMTP):
    def __init__(self, mailbox, handler, **options):
        super().__init__(handler, **options)
        self.mailbox = mailbox
        mailbox.sessions += 1

    async def smtp_DATA(self, arg):
        if self.mailbox.drop_in_data and self.envelope.rcpt_tos:
            await self.push("354 go on")
            await asyncio.sleep(0.05)
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


class _Handler:
    def __init__(self, mailbox):
        self.mailbox = mailbox

    async def handle_MAIL(self, server, session, envelope, address, options):
        if self.mailbox.sender_answer:
            return self.mailbox.sender_answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        with self.mailbox.lock:
            self.mailbox.tries.append(("RCPT", address))
        answer = self.mailbox.answers.get(address)
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.mailbox.slow:
            await asyncio.sleep(self.mailbox.slow)
        if self.mailbox.data_answer:
            return self.mailbox.data_answer
        secure = server.transport.get_extra_info("sslcontext") is not None
        self.mailbox.keep(Mail(envelope, session, secure))
        return "250 taken"


def silent_server():
    """A port that takes connections and never says a word; returns (port, close)."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("127.0.0.1", 0))
    listener.listen(16)
    return listener.getsockname()[1], listener.close
