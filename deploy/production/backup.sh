#!/bin/sh
# Usage: backup.sh. A base backup into $BACKUPS/base, beside the write-ahead log that arrives in $BACKUPS/wal all the time; keeps
# $KEEP of them (14). To be run every night, and followed by a copy of $BACKUPS to another place.
set -eu
. "$(dirname "$0")/compose.sh"
late="$(sql "SELECT coalesce(last_failed_time > last_archived_time, last_failed_time IS NOT NULL) FROM pg_stat_archiver")"
[ "$late" = f ] || fail "the write-ahead log does not reach BACKUPS/wal: see the log of the database"
# The quotes are single on purpose: the variables are those of the container.
# shellcheck disable=SC2016
compose exec -T database sh -euc '
    keep="$1"
    rm -rf /backups/base/unfinished
    pg_basebackup --username=countersign --pgdata=/backups/base/unfinished --format=tar --gzip --checkpoint=fast --wal-method=stream
    made="$(date -u +%Y%m%dT%H%M%SZ)"
    # Named for when it ended: it can be brought to any time after that.
    mv /backups/base/unfinished "/backups/base/$made"
    ls /backups/base | sort -r | tail -n "+$((keep + 1))" | while read -r old; do rm -rf "/backups/base/$old"; done
    oldest="/backups/base/$(ls /backups/base | sort | head -n 1)"
    needed="$(tar -xzOf "$oldest/base.tar.gz" backup_label | sed -n "s/^START WAL LOCATION: .* (file \(.*\))$/\1/p")"
    pg_archivecleanup -x .gz /backups/wal "$needed"
    echo "$made: $(du -sh "/backups/base/$made" | cut -f 1) of $(ls /backups/base | wc -l) kept, $(du -sh /backups/wal | cut -f 1) of log"
' -- "${KEEP:-14}"
