# SPDX-License-Identifier: GPL-3.0-or-later
"""Apache in a folder of its own, and as the proxy in front of a gate, set up as docs/operating.md says, but without TLS.

Owns: its configuration, its start and its stop; a proxy that stands in front of another is in the same
process. Never: a service of the machine, which it does not touch.
"""

import os
import signal

from harness import Program, answers, find_tool, free_port, temp_dir

MODULES = "/usr/lib/apache2/modules"
MIDDLE = "127.0.0.9"  # where the outer one connects from
HEAD = """ServerRoot "{dir}"
ServerName localhost
PidFile "{dir}/apache.pid"
DefaultRuntimeDir "{dir}"
Mutex pthread
ErrorLog "{dir}/error.log"
StartServers 1
ServerLimit 1
ThreadsPerChild 8
ThreadLimit 8
MaxRequestWorkers 8
MinSpareThreads 1
MaxSpareThreads 8
"""
PROXY = """Listen 127.0.0.1:{port}
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


class Server:
    """One Apache; `name` is also its folder's."""

    def __init__(self, name):
        self.name, self.folder, self.program = name, temp_dir(name), None

    def run(self, modules, conf, ready, what):
        """Starts it with these modules and lines behind HEAD; `ready` says when it is."""
        lines = [HEAD.format(dir=self.folder)]
        if os.geteuid() == 0:
            lines.append("User www-data\nGroup www-data")
        lines += [f"LoadModule {name}_module {MODULES}/mod_{name}.so" for name in modules]
        path = os.path.join(self.folder, "apache.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join([*lines, conf]))
        command = [find_tool("apache2", "apache2-bin"), "-f", path, "-DFOREGROUND"]
        self.program = Program(self.name, command, {"PATH": "/usr/bin:/bin"}, self.folder)
        self.program.wait_until(ready, what)

    def stop(self):
        if self.program is not None:
            self.program.stop(signal.SIGTERM)
            self.program = None


class Apache(Server):
    """`port` goes to the gate, `outer_port` to `port`."""

    def __init__(self, gate):
        super().__init__("apache")
        self.gate = gate
        self.port, self.outer_port = free_port(), free_port()

    def start(self):
        conf = PROXY.format(
            port=self.port, outer_port=self.outer_port, gate=self.gate.port, middle=MIDDLE
        )
        url = f"http://127.0.0.1:{self.outer_port}/healthz"
        modules = ("mpm_event", "authz_core", "proxy", "proxy_http")
        self.run(modules, conf, lambda: answers(url), "200 from the gate behind it")
        return self
