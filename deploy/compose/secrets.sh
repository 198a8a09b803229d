#!/bin/sh
# Makes the passwords of this one machine, once, into the volume /secrets: what the database is set up with, and the
# files that each service reads. Nothing of it stands in git, and nothing is made anew at the next start.
set -eu
cd "${1:-/secrets}"
host="${2:-postgres}"
[ -e .made ] && exit 0

password() {
  made=$(head -c 24 /dev/urandom | od -An -vtx1 | tr -d ' \n')
  [ ${#made} -eq 48 ] || { echo "no password could be made" >&2; exit 1; }
  printf %s "$made"
}

umask 077
mkdir -p postgres-password postgres-setup
password >postgres-password/password
setup=postgres-setup/databases.sql
: >"$setup"
verified='?sslmode=verify-full&sslrootcert=/etc/receivables/tls/ca.crt' # certificates.sh makes it
for service in credit invoicing ledger disputes notifications portal; do
  mkdir -p "$service" "$service-migrate"
  owner=$(password)
  server=$(password)
  printf 'postgresql://%s_server:%s@%s:5432/%s%s' "$service" "$server" "$host" "$service" "$verified" >"$service/database_url"
  printf 'postgresql://%s_owner:%s@%s:5432/%s%s' "$service" "$owner" "$host" "$service" "$verified" >"$service-migrate/owner_database_url"
  cp "$service/database_url" "$service-migrate/database_url"
  # The same as deploy/local/postgres.py: the server role may enter its own database, and what else is granted to it.
  cat >>"$setup" <<SQL
CREATE ROLE ${service}_owner LOGIN NOINHERIT PASSWORD '$owner';
CREATE ROLE ${service}_server LOGIN NOINHERIT PASSWORD '$server';
CREATE DATABASE $service OWNER ${service}_owner TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C';
REVOKE ALL ON DATABASE $service FROM PUBLIC;
GRANT CONNECT ON DATABASE $service TO ${service}_server;
\connect $service
ALTER SCHEMA public OWNER TO ${service}_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
done
: >notifications/smtp_password # the mail catcher takes everything
password >portal/portal_secret # by it addresses are hashed and factors encrypted
chown -R 10001:10001 credit* invoicing* ledger* disputes* notifications* portal*
chmod -R a+rX postgres-setup # read by the user of the database's container
: >.made
