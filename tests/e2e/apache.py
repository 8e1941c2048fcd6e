# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache as the proxy in front of a gate, set up as docs/operating.md says, but without TLS.

Owns: its configuration, its start and its stop; one that stands in front of another is in the same
process. Never: a service of the machine, which it does not touch.
"""

import os
import signal

from harness import Program, answers, find_tool, free_port, temp_dir

MODULES = "/usr/lib/apache2/modules"
MIDDLE = "127.0.0.9"  # where the outer one connects from
CONF = """ServerRoot "{dir}"
ServerName localhost
PidFile "{dir}/apache.pid"
DefaultRuntimeDir "{dir}"
Mutex pthread
ErrorLog "{dir}/error.log"
{user}
{load}
StartServers 1
ServerLimit 1
ThreadsPerChild 8
ThreadLimit 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
Listen 127.0.0.1:{port}
Listen 127.0.0.1:{outer_port}
ProxyPreserveHost On
<VirtualHost 127.0.0.1:{port}>
    ProxyPass        / http://127.0.0.1:{gate}/ retry=0
</VirtualHost>
<VirtualHost 127.0.0.1:{outer_port}>
    ProxySourceAddress {middle}
    ProxyPass        / http://127.0.0.1:{port}/ retry=0
</VirtualHost>
"""
LOADED = ("mpm_event", "authz_core", "proxy", "proxy_http")


class Apache:
    """`port` goes to the gate, `outer_port` to `port`."""

    def __init__(self, gate):
        self.gate = gate
        self.folder = temp_dir("apache")
        self.port, self.outer_port = free_port(), free_port()
        self.program = None

    def start(self):
        user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
        load = [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in LOADED]
        path = os.path.join(self.folder, "apache.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(
                CONF.format(
                    dir=self.folder,
                    user=user,
                    load="\n".join(load),
                    port=self.port,
                    outer_port=self.outer_port,
                    gate=self.gate.port,
                    middle=MIDDLE,
                )
            )
        command = [find_tool("apache2", "apache2-bin"), "-f", path, "-DFOREGROUND"]
        self.program = Program("apache2", command, {"PATH": "/usr/bin:/bin"}, self.folder)
        url = f"http://127.0.0.1:{self.outer_port}/healthz"
        self.program.wait_until(lambda: answers(url), "200 from the gate behind it")
        return self

    def stop(self):
        if self.program is not None:
            self.program.stop(signal.SIGTERM)
            self.program = None
