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

wait_until_healthy() { # SERVICE [SECONDS]; without a limit while it runs
    left="${2:-forever}"
    while :; do
        case "$(docker inspect --format '{{.State.Status}} {{.State.Health.Status}}' "$(compose ps -aq "$1")")" in
            "running healthy") return ;;
            exited* | dead*) break ;;
        esac
        [ "$left" != 0 ] || break
        [ "$left" = forever ] || left=$((left - 1))
        sleep 1
    done
    compose logs --tail=30 "$1" >&2
    return 1
}

sql() { compose exec -T database psql --username=countersign --dbname=countersign --no-align --tuples-only --command="$1"; }
