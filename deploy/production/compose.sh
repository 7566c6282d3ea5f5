# shellcheck shell=sh
# Sourced by the scripts beside it: where they work, and on what. `.env` holds what this server remembers.
cd "$(dirname "$0")/.." || exit

compose() { ${COMPOSE:-docker compose --file compose.production.yaml} "$@"; }

fail() { echo "$1" >&2; exit 1; }

remember() { # NAME VALUE
    { grep -v "^$1=" .env || true; echo "$1=$2"; } > .env.new
    mv .env.new .env
}

remembered() { sed -n "s/^$1=//p" .env | tail -n 1; }

wait_until_healthy() { # SERVICE SECONDS
    container="$(compose ps -q "$1")"
    left="$2"
    while [ "$(docker inspect --format '{{.State.Health.Status}}' "$container")" != healthy ]; do
        if [ "$left" -eq 0 ]; then
            compose logs --tail=30 "$1" >&2
            return 1
        fi
        left=$((left - 1))
        sleep 1
    done
}
