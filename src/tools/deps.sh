#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Installs the Debian packages that are missing, quietly, without letting any of them start a service.
set -eu
packages='
build-essential pkg-config clang clang-format libclang-rt-14-dev
libmicrohttpd-dev liblmdb-dev libssl-dev libjansson-dev libcjose-dev libcurl4-openssl-dev libconfig-dev libidn2-dev libcsv-dev zlib1g-dev libargon2-dev liboath-dev libqrencode-dev libxxhash-dev
libxml2-dev libseccomp-dev
liblasso3-dev libxmlsec1-dev
libcmocka-dev valgrind xmlsec1 util-linux openssl curl libxml2-utils opensaml-schemas xmltooling-schemas
python3 python3-aiosmtpd python3-jsonschema python3-pysaml2 python3-lasso python3-cryptography python3-lxml
simplesamlphp php-cli php-xml php-mbstring php-curl php-sqlite3
chromium apache2-bin libapache2-mod-auth-openidc
'
# The browser tests need node 18 or later and npm; they are taken as they are when they are there.
command -v node >/dev/null && command -v npm >/dev/null || packages="$packages nodejs npm"
# Of SimpleSAMLphp only the files are used, by php-cli. It asks for PHP and for a web server: these two are never started,
# Apache would be, at the next start of the machine.
[ -d /usr/share/simplesamlphp ] || packages="php-cgi mini-httpd $packages"
# apache2-bin is the program alone, for the tests behind a proxy and of an application that signs people in by mod_auth_openidc: it
# brings no service.
# What make bench PEERS=1 measures beside the gate. Never started: not now, and not at the next start of the machine.
[ -z "${PEERS:-}" ] || packages="$packages apache2 libapache2-mod-auth-mellon libapache2-mod-shib shibboleth-sp-utils"
missing=
for package in $packages; do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { echo "These Debian packages are missing:$missing. Install them as root, or install sudo." >&2; exit 1; }
    sudo=sudo
fi
echo "installing:$missing" >&2

# A package's own scripts ask policy-rc.d before they start a service; 101 is no.
policy=/usr/sbin/policy-rc.d
made=
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod 755 $policy
    made=yes
fi
trap '[ -z "$made" ] || $sudo rm -f $policy' EXIT
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
install() { $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing >"$log" 2>&1; }
if ! install; then
    $sudo apt-get -qq -o DPkg::Lock::Timeout=300 update >>"$log" 2>&1 && install || { cat "$log" >&2; rm -f "$log"; exit 1; }
fi
rm -f "$log"
if [ -n "${PEERS:-}" ] && command -v systemctl >/dev/null; then
    for service in apache2 shibd; do
        case $missing in *apache2*) $sudo systemctl disable $service >/dev/null 2>&1 || : ;; esac
    done
fi
