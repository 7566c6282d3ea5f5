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
if [ -f production/live/green ]; then old=web-green new=web-blue; else old=web-blue new=web-green; fi

compose up -d --no-recreate database
wait_until_healthy database 120 || fail "the database does not start"
# The release that still serves lives with these: CONTRIBUTING.md, "A migration".
compose run --rm -T migrate || fail "the migrations failed: what ran before still serves"

compose up -d --no-deps --force-recreate "$new"
if ! wait_until_healthy "$new" 60; then
    compose stop "$new"
    fail "$new of $RELEASE does not become ready: what ran before still serves"
fi
# nginx looks for the file at each request.
if [ "$new" = web-green ]; then touch production/live/green; else rm production/live/green; fi
compose up -d --no-deps nginx certificates
# Requests that were on their way to the old one have reached it by then; it ends when it has answered them.
sleep 3
compose stop "$old"
compose up -d --no-deps worker
remember PREVIOUS "$(remembered RELEASE)"
remember RELEASE "$RELEASE"
echo "$RELEASE serves, by $new"
