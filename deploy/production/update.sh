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
volume="$(remembered COMPOSE_PROJECT_NAME)-database-$(remembered GENERATION)"
docker inspect --format '{{range .Mounts}}{{.Name}} {{end}}' "$(compose ps -aq database)" | grep -qw "$volume" ||
    fail "the database runs on another volume than $volume: docs/operations.md, \"Restore\""
# The release that still serves lives with these: CONTRIBUTING.md, "A migration".
compose run --rm -T migrate || fail "the migrations failed: what ran before still serves"

compose up -d --no-deps --force-recreate "$new"
if ! wait_until_healthy "$new" 60; then
    compose stop "$new"
    fail "$new of $RELEASE does not become ready: what ran before still serves"
fi
# Before the first of the new release's jobs, which it may not know; jobs wait meanwhile.
compose stop worker
# nginx looks for the file at each request.
if [ "$new" = web-green ]; then touch production/live/green; else rm production/live/green; fi
compose up -d --no-deps nginx certificates
nginx="$(cat nginx/*.conf | cksum)"
if [ "$nginx" != "$(remembered NGINX)" ]; then
    compose exec -T nginx nginx -c /etc/nginx/shop/production.conf -t -q && compose kill -s HUP nginx
    remember NGINX "$nginx"
fi
# Requests that were on their way to the old one have reached it by then, slow ones too; it ends when it has answered them.
sleep 15
compose stop "$old"
# Also where the image is the same: a secret may have changed.
compose up -d --no-deps --force-recreate worker
[ "$(remembered RELEASE)" = "$RELEASE" ] || remember PREVIOUS "$(remembered RELEASE)"
remember RELEASE "$RELEASE"
echo "$RELEASE serves, by $new"
