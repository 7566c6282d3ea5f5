#!/bin/sh
# The database's entrypoint. A volume that was restored is on a timeline of its own, and that it is has to stand in the archive before
# anything that is written on it: a later restore finds its way by it, and begins none of the same number.
set -eu
mkdir -p /backups/wal /backups/base
for history in "$PGDATA"/pg_wal/*.history; do
    [ ! -f "$history" ] || sh /scripts/archive.sh "$history" "$(basename "$history")"
done
chown postgres: /backups /backups/wal /backups/base
exec docker-entrypoint.sh "$@"
