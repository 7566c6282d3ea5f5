#!/bin/sh
# Run in the database's image by restore.sh: the newest base backup that suits, then the archived log up to $UNTIL, or all of it.
set -eu
limit="$(date -u ${UNTIL:+-d "$UNTIL"} +%Y%m%dT%H%M%SZ)"
base="$({ ls /backups/base; echo "${limit}~"; } | sort | sed "/~/,\$d" | tail -n 1)"
[ -n "$base" ] || { echo "no backup is older than $limit" >&2; exit 1; }
echo "from the backup of $base"
mkdir -p "$PGDATA"
tar -xzf "/backups/base/$base/base.tar.gz" -C "$PGDATA"
tar -xzf "/backups/base/$base/pg_wal.tar.gz" -C "$PGDATA/pg_wal"
touch "$PGDATA/recovery.signal"
chmod 700 "$PGDATA"
chown -R postgres: "$PGDATA"
exec setpriv --reuid=postgres --regid=postgres --init-groups postgres \
    -c listen_addresses='*' -c archive_mode=off -c restore_command='test -f /backups/wal/%f.gz && gzip -dc /backups/wal/%f.gz > %p' \
    ${UNTIL:+-c recovery_target_time="$UNTIL" -c recovery_target_action=promote}
