#!/bin/sh
# What of the official image's entrypoint is used here. Source: github.com/docker-library/postgres, docker-entrypoint.sh
set -eu
[ "$1" = postgres ] || exec "$@"
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
mkdir -p "$PGDATA" /run/postgresql
chmod 700 "$PGDATA"
chown -R postgres: /var/lib/postgresql /run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    password="${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:-/dev/null}")}"
    as_postgres initdb --username="$POSTGRES_USER" --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8
    echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
    as_postgres pg_ctl --wait --options="-c listen_addresses=''" start
    echo "ALTER ROLE :\"role\" PASSWORD :'password'" | as_postgres psql -q -d postgres -U "$POSTGRES_USER" -v role="$POSTGRES_USER" -v password="$password"
    as_postgres createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    as_postgres pg_ctl --wait --mode=fast stop
fi
exec setpriv --reuid=postgres --regid=postgres --init-groups "$@" -c listen_addresses='*'
