#!/bin/sh
# Usage: restore.sh rehearse | restore [TIME]. Fills a new volume from the backups, up to now or up to TIME (2026-11-25 14:05:00+00),
# and has every guarantee checked on it, apart from everything that runs. `rehearse` takes the volume away again; `restore`
# closes the shop first, so that nothing is sold which would be lost, leaves the volume, and says how to go over to it. The
# volume that is in use is not touched by either.
set -eu
. "$(dirname "$0")/compose.sh"
case "${1:-}" in
    rehearse | restore) ;;
    *) fail "usage: restore.sh rehearse | restore [TIME]" ;;
esac
UNTIL="${2:-}"
RESTORED="$(($(remembered GENERATION) + 1))"
[ "$1" = restore ] || RESTORED=rehearsal
volume="$(remembered COMPOSE_PROJECT_NAME)-database-$RESTORED"
export UNTIL RESTORED
! docker volume inspect "$volume" > /dev/null 2>&1 || fail "there is a volume $volume already: look at it, then remove it"

close_shop() {
    compose stop web-blue web-green worker
    if compose exec -T database true 2> /dev/null; then
        last="$(sql "SELECT pg_walfile_name(pg_switch_wal())")"
        left=60
        until compose exec -T database test -f "/backups/wal/$last.gz"; do
            [ "$left" -gt 0 ] || fail "the last of the log does not reach BACKUPS/wal: see the log of the database"
            left=$((left - 1))
            sleep 1
        done
    fi
}
[ "$1" = rehearse ] || close_shop

finish() {
    compose rm --force --stop restored > /dev/null
    [ "$RESTORED" != rehearsal ] || docker volume rm "$volume" > /dev/null
}
trap finish EXIT
compose up -d --no-deps restored
wait_until_healthy restored || fail "the backup could not be brought up"
# An order that was placed after the last of what is here is known to Stripe by its number: no other order may get it.
compose exec -T restored psql --username=countersign --dbname=countersign --quiet --no-align --tuples-only --command="
    SELECT 'restored up to ' || coalesce(max(recorded_at)::text, 'an empty log') || ', ' || count(*) || ' events' FROM core_event;
    SELECT 'the next order is ' || setval('orders_order_id_seq', nextval('orders_order_id_seq') + 100000);"
verdict=0
for check in "replay --check" "audit verify" "projections --check"; do
    # The arguments are words.
    # shellcheck disable=SC2086
    if compose run --rm -T examine python3 manage.py $check; then
        echo "$check: clean"
    else
        echo "$check: FAILED"
        verdict=1
    fi
done
[ "$1" = rehearse ] || echo "To go over to it: docs/operations.md, \"Restore\" (GENERATION=$RESTORED)"
exit "$verdict"
