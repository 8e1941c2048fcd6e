# SPDX-License-Identifier: GPL-3.0-or-later
"""A small browser: cookies, redirects, forms, and the cross-site rules that SAML stumbles over.

Owns: how a real browser treats cookies (Secure on http://localhost, SameSite per request, the
`__Host-` prefix, one jar per host name whatever the port) and how it submits a page's form.
Never: runs scripts. A page that submits itself is submitted by `Browser.submit`, with the
page's own origin as the initiator, as a browser would.
"""

import http.client
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit, parse_qs

import contract

MAX_REDIRECTS = 20  # what browsers allow; a login needs four
TIMEOUT_S = 30  # one request; the machine that runs the tests may be busy
FORM_TYPE = "application/x-www-form-urlencoded"


class BrowserError(Exception):
    """The page did something that no browser would follow."""


@dataclass
class Cookie:
    """One cookie as it was set. `same_site` is "none", "lax" or "strict", lower case."""

    name: str
    value: str
    path: str
    secure: bool
    http_only: bool
    same_site: str


@dataclass
class Form:
    """A form of a page: where it goes and what its fields hold now."""

    action: str
    method: str
    fields: dict
    page_url: str
    submit_buttons: list = field(default_factory=list)

    def query(self):
        """Field names and values, urlencoded."""
        return urlencode(self.fields)


class _FormReader(HTMLParser):
    """Collects the forms of one page. Values are entity-decoded by HTMLParser."""

    def __init__(self, page_url):
        super().__init__(convert_charrefs=True)
        self.forms = []
        self.page_url = page_url
        self.inside = None
        self.button = None

    def handle_starttag(self, tag, attrs):
        attr = {name: value or "" for name, value in attrs}
        if tag == "form":
            action = urljoin(self.page_url, attr.get("action", self.page_url))
            self.inside = Form(action, attr.get("method", "get").upper(), {}, self.page_url)
            self.forms.append(self.inside)
        elif self.inside is not None and tag in ("input", "button", "textarea"):
            self._field(tag, attr)

    def _field(self, tag, attr):
        kind = attr.get("type", "submit" if tag == "button" else "text").lower()
        name = attr.get("name", "")
        if kind in ("submit", "image", "button"):
            self.inside.submit_buttons.append((name, attr.get("value", "")))
        elif name and (kind not in ("checkbox", "radio") or "checked" in attr):
            self.inside.fields[name] = attr.get("value", "")

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = None


class _TextReader(HTMLParser):
    """The words of a page, without tags, scripts and styles."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.words = []
        self.hidden = 0

    def handle_starttag(self, tag, attrs):
        if tag in ("script", "style"):
            self.hidden += 1

    def handle_endtag(self, tag):
        if tag in ("script", "style") and self.hidden:
            self.hidden -= 1

    def handle_data(self, data):
        if not self.hidden:
            self.words.extend(data.split())


@dataclass
class Page:
    """One answer, after redirects (if they were followed)."""

    url: str
    status: int
    headers: list  # (name in lower case, value), in the order received
    body: bytes
    hops: list  # the (status, url) of each redirect on the way here

    def header(self, name):
        """The first header of that name, or None."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def header_all(self, name):
        return [value for key, value in self.headers if key == name.lower()]

    @property
    def content_type(self):
        return (self.header("content-type") or "").split(";")[0].strip().lower()

    @property
    def html(self):
        return self.body.decode("utf-8", "replace")

    @property
    def text(self):
        """The page's words, in one line."""
        reader = _TextReader()
        reader.feed(self.html)
        return " ".join(reader.words)

    @property
    def forms(self):
        reader = _FormReader(self.url)
        reader.feed(self.html)
        return reader.forms

    def form(self, field_name=None, action_ends=None):
        """The one form that has that field, or whose action path ends so; else BrowserError."""
        found = [
            form
            for form in self.forms
            if (field_name is None or field_name in form.fields)
            and (action_ends is None or urlsplit(form.action).path.endswith(action_ends))
        ]
        if len(found) != 1:
            raise BrowserError(
                f"{self.url} ({self.status}): expected one form with field {field_name!r} and "
                f"action ...{action_ends!r}, found {len(found)}. Page: {self.text[:600]}"
            )
        return found[0]

    @property
    def location(self):
        """Where a redirect points, absolute."""
        value = self.header("location")
        if value is None:
            raise BrowserError(f"{self.url} ({self.status}) has no Location: {self.text[:600]}")
        return urljoin(self.url, value)

    @property
    def location_query(self):
        """The query of `location`, one value a name; a name given twice is an error."""
        values = parse_qs(urlsplit(self.location).query, keep_blank_values=True)
        if any(len(value) != 1 for value in values.values()):
            raise BrowserError(f"a parameter occurs twice in {self.location}")
        return {name: value[0] for name, value in values.items()}


class Browser:
    """Keeps cookies, follows redirects, submits forms.

    drop_cross_site  True: behaves like a browser that withholds every cookie from a cross-site
                     POST, even SameSite=None ones (third-party cookie protection).
    address          the address of this machine (127.0.0.2, say) that it connects from.
    via              the port of a proxy on this machine that it connects to, whatever the URL.
    headers          sent with each request.
    """

    def __init__(self, drop_cross_site=False, address=None, via=None, headers=None):
        self.source = (address, 0) if address else None
        self.via, self.headers = via, headers or {}
        self.jar = {}  # host name -> {(name, path): Cookie}
        self.drop_cross_site = drop_cross_site
        self.history = []  # (method, url, status), for the message of a failed test

    # -- cookies --------------------------------------------------------------------------

    def cookie(self, host, name):
        """The value of a cookie of that host, or None."""
        for (key, _path), cookie in self.jar.get(host, {}).items():
            if key == name:
                return cookie.value
        return None

    def cookie_names(self, host):
        return sorted(name for name, _path in self.jar.get(host, {}))

    def forget(self, host, prefix=""):
        """Drops the cookies of a host whose names start with `prefix`."""
        kept = {k: c for k, c in self.jar.get(host, {}).items() if not k[0].startswith(prefix)}
        self.jar[host] = kept

    def copy_cookies(self, other):
        """Takes over all cookies of another browser."""
        for host, cookies in other.jar.items():
            self.jar.setdefault(host, {}).update(cookies)

    def _keep(self, url, set_cookie):
        parts = [part.strip() for part in set_cookie.split(";")]
        name, _, value = parts[0].partition("=")
        attr = {}
        for part in parts[1:]:
            key, _, content = part.partition("=")
            attr[key.strip().lower()] = content.strip()
        host = urlsplit(url).hostname
        secure = "secure" in attr
        trustworthy = urlsplit(url).scheme == "https" or host in ("localhost", "127.0.0.1")
        same_site = attr.get("samesite", "lax").lower()
        if secure and not trustworthy:
            return
        if same_site == "none" and not secure:
            return  # browsers refuse it since 2020
        if name.startswith("__Host-") and (
            not secure or "domain" in attr or attr.get("path") != "/"
        ):
            raise BrowserError(f"{url} set {name}, but not as its prefix demands: {set_cookie}")
        path = attr.get("path") or "/"
        jar = self.jar.setdefault(host, {})
        past = attr.get("max-age", "1").startswith(("0", "-")) or "1970" in attr.get("expires", "")
        if past:
            jar.pop((name, path), None)
        else:
            jar[(name, path)] = Cookie(name, value, path, secure, "httponly" in attr, same_site)

    def _cookies_for(self, url, method, cross_site):
        split = urlsplit(url)
        sent = []
        for cookie in self.jar.get(split.hostname, {}).values():
            if not split.path.startswith(cookie.path.rstrip("/")):
                continue
            if cross_site:
                if cookie.same_site == "strict":
                    continue
                if cookie.same_site == "lax" and method != "GET":
                    continue
                if self.drop_cross_site and method != "GET":
                    continue
            sent.append(f"{cookie.name}={cookie.value}")
        return "; ".join(sent)

    # -- requests -------------------------------------------------------------------------
    # `follow` is True (to the last page), False (not at all), or the beginning of a URL: then a
    # redirect that points there is not followed but returned.

    def get(self, url, follow=True, headers=None, initiator=None):
        return self.request("GET", url, None, follow, headers, initiator)

    def post(self, url, fields, follow=True, headers=None, initiator=None):
        """Posts fields (dict, or str already encoded) as a form.

        initiator: the URL of the page that holds the form; None is the same site.
        """
        body = fields if isinstance(fields, str) else urlencode(fields)
        return self.request("POST", url, body.encode(), follow, headers, initiator)

    def submit(self, form, follow=True, headers=None, **changes):
        """Submits a form of a page, some of its fields changed (None removes one)."""
        fields = {**form.fields, **changes}
        fields = {name: value for name, value in fields.items() if value is not None}
        if form.method == "POST":
            return self.post(form.action, fields, follow, headers, initiator=form.page_url)
        url = form.action.split("?")[0] + "?" + urlencode(fields)
        return self.get(url, follow, headers, initiator=form.page_url)

    def follow(self, page, headers=None):
        """Goes where a redirect that was not followed points."""
        return self.get(page.location, headers=headers)

    def request(self, method, url, body, follow=True, headers=None, initiator=None):
        origin = initiator
        cross_site = origin is not None and _site(origin) != _site(url)
        hops = []
        while True:
            page = self._one(method, url, body, headers or {}, origin, cross_site)
            page.hops = hops
            if not follow or page.status not in (301, 302, 303, 307, 308):
                return page
            target = page.location
            if isinstance(follow, str) and target.startswith(follow):
                return page
            hops = hops + [(page.status, page.url)]
            if len(hops) > MAX_REDIRECTS:
                raise BrowserError(f"more than {MAX_REDIRECTS} redirects: {hops}")
            cross_site = cross_site or _site(target) != _site(page.url)
            if page.status not in (307, 308):
                method, body = "GET", None
            url = target

    def _one(self, method, url, body, headers, origin, cross_site):
        split = urlsplit(url)
        if split.scheme != "http":
            raise BrowserError(f"the tests speak http on loopback only, not {url}")
        sent = {
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "Host": split.netloc,
            "Connection": "close",
        }
        if body is not None:
            sent["Content-Type"] = FORM_TYPE
            if origin is not None:
                sent["Origin"] = "{0.scheme}://{0.netloc}".format(urlsplit(origin))
        cookies = self._cookies_for(url, method, cross_site)
        if cookies:
            sent["Cookie"] = cookies
        sent.update(self.headers)
        sent.update(headers)
        target = (split.path or "/") + ("?" + split.query if split.query else "")
        # localhost may resolve to ::1 first; every server of the tests listens on 127.0.0.1.
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.via or split.port, TIMEOUT_S, source_address=self.source
        )
        try:
            connection.request(method, target, body=body, headers=sent)
            answer = connection.getresponse()
            got = [(name.lower(), value) for name, value in answer.getheaders()]
            page = Page(url, answer.status, got, answer.read(), [])
        finally:
            connection.close()
        contract.check(split.port, method, target, page.status, page.header("content-type"), page.body)
        self.history.append((method, url.split("?")[0], page.status))
        for value in page.header_all("set-cookie"):
            self._keep(url, value)
        return page


def _site(url):
    """The site of a URL as browsers see it; on loopback that is scheme and host name."""
    split = urlsplit(url)
    return split.scheme, split.hostname
