#!/bin/sh
# Usage: update.sh RELEASE. Puts the image countersign:RELEASE in the place of what runs, without a request being lost; the
# first time it starts everything. Rolling back is the same with the release before.
set -eu
. "$(dirname "$0")/compose.sh"
[ $# -eq 1 ] || fail "usage: update.sh RELEASE"
[ -f .env ] || fail "there is no deploy/.env: docs/operations.md, \"A server\""
RELEASE="$1"
export RELEASE
docker image inspect "countersign:$RELEASE" > /dev/null 2>&1 || fail "there is no image countersign:$RELEASE"

mkdir -p production/live
case "$(cat production/live/web.conf 2> /dev/null || true)" in
    *web-blue*) old=web-blue new=web-green ;;
    *) old=web-green new=web-blue ;;
esac

compose up -d --no-recreate database
wait_until_healthy database 120 || fail "the database does not start"
# The release that still serves lives with these: CONTRIBUTING.md, "A migration".
compose run --rm -T migrate || fail "the migrations failed: what ran before still serves"

compose up -d --no-deps --force-recreate "$new"
if ! wait_until_healthy "$new" 60; then
    compose stop "$new"
    fail "$new of $RELEASE does not become ready: what ran before still serves"
fi
echo "server $new:8000;" > production/live/web.conf
compose up -d --no-deps nginx certificates
# A reload lets each request that is under way end where it began; the first time there is nothing to reload yet.
compose kill -s HUP nginx
sleep 5
compose stop "$old"
compose up -d --no-deps worker
remember PREVIOUS "$(remembered RELEASE)"
remember RELEASE "$RELEASE"
echo "$RELEASE serves, by $new"
