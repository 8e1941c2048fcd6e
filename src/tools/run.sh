#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the gate on this machine with a practice identity provider and a demo tenant, until ^C.
# GATEHOUSE_PORT and PRACTICE_PORT choose other ports; DATA another folder for what it keeps.
set -eu
cd "$(dirname "$0")/../.."
port=${GATEHOUSE_PORT:-8080}
idp_port=${PRACTICE_PORT:-8081}
data=${DATA:-data}
gate=build/gatehouse
export GATEHOUSE_PUBLIC_URL=http://localhost:$port GATEHOUSE_LISTEN=${GATEHOUSE_LISTEN:-127.0.0.1:$port}
export GATEHOUSE_DATA_DIR=$data GATEHOUSE_ALLOW_PRIVATE_FETCH=true
# Letters become files, unless somebody says where they go.
export GATEHOUSE_SMTP_URL=${GATEHOUSE_SMTP_URL:-file:mail} GATEHOUSE_SMTP_FROM=${GATEHOUSE_SMTP_FROM:-no-reply@demo.example}
case $GATEHOUSE_SMTP_URL in
    file:*) letters="are written to $data/${GATEHOUSE_SMTP_URL#file:}/ instead of being sent; each has its link in it" ;;
    *) letters="go to $GATEHOUSE_SMTP_URL" ;;
esac
mkdir -p certs
idp= serve=
stop() {
    trap - EXIT INT TERM
    [ -z "$serve" ] || kill "$serve" 2>/dev/null || :
    [ -z "$idp" ] || kill "$idp" 2>/dev/null || :
    wait
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

fail() { echo "run: $1" >&2; exit 1; }
wait_for() { # URL, pid, what, its log
    for _ in $(seq 100); do
        curl -fsS -o /dev/null --max-time 2 "$1" 2>/dev/null && return
        kill -0 "$2" 2>/dev/null || { [ -z "${4:-}" ] || tail -3 "$4" >&2; fail "$3 did not start; its last words are above"; }
        sleep 0.1
    done
    fail "$3 does not answer at $1"
}

# Otherwise whoever has the port would answer for the program that could not have it.
free() { # port, the variable that chooses it
    if (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then fail "port $1 is taken by another program; $2=... chooses another"; fi
}
free "$port" GATEHOUSE_PORT
free "$idp_port" PRACTICE_PORT

# The two are two sites to the browser, as in life: localhost and 127.0.0.1.
build/gatehouse-practice-idp --listen "127.0.0.1:$idp_port" --data certs --quiet --persona okta \
    --sp "http://localhost:$port/saml/demo" >/dev/null &
idp=$!
wait_for "http://127.0.0.1:$idp_port/metadata" $idp "the practice identity provider"

$gate init >/dev/null
if ! $gate tenant show demo >/dev/null 2>&1; then
    $gate tenant add demo --name "Demo company" --domain demo.example >/dev/null
    $gate connection add demo --tenant demo >/dev/null
    $gate rule add demo --match exact --value Admins --role admin >/dev/null
    $gate rule add demo --match exact --value Analysts --role user >/dev/null
    $gate rule add demo --match prefix --value Audience --role audiences_only >/dev/null
    $gate rule add demo --match exact --value Compliance --role compliance >/dev/null
    $gate rule add demo --match exact --value Gatekeepers --role security_gatekeeper >/dev/null
    $gate rule add demo --match exact --value Everyone --role read_only >/dev/null
fi
$gate connection set demo --metadata-url "http://127.0.0.1:$idp_port/metadata" >/dev/null

$gate serve 2>"$data/gatehouse.log" &
serve=$!
wait_for "http://localhost:$port/readyz" $serve "the gate (its log is $data/gatehouse.log)" "$data/gatehouse.log"

# The sample of our own metadata, for whoever sets up another identity provider by hand.
curl -fsS -o metadata/sp.xml "http://localhost:$port/saml/demo"

cat <<TXT

  Gatehouse serves  http://localhost:$port          (log: $data/gatehouse.log)
  Practice IdP      http://127.0.0.1:$idp_port

  Open http://localhost:$port, choose Sign in, and give one of these addresses:

    ada@demo.example        Admins                  admin
    grace@demo.example      Analysts                user
    carol@demo.example      Compliance              compliance
    edsger@demo.example     Audiences               audiences_only
    radia@demo.example      Gatekeepers             security_gatekeeper
    sam@demo.example        no group                refused: none of the groups gives access

  No passwords: the practice IdP lets you choose the person, the vendor whose shape it answers in, and what goes wrong.
  Why was a login refused?   GATEHOUSE_DATA_DIR=$data $gate trace list demo
  Letters $letters.
  Stop with ^C. What it keeps is in $data/; remove that folder to start anew.

TXT
wait "$serve"
