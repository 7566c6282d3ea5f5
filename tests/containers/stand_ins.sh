#!/bin/sh
# Usage, as root: stand_ins.sh FOLDER. Where no registry can be reached: the base images' stand-ins, from Debian's packages. FOLDER
# keeps what was unpacked. Needs debootstrap and a Docker. They are bigger than the real ones, and PostgreSQL is Debian's.
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
cd "$1"

unpack() { # NAME PACKAGES
    [ -e "$1/done" ] || { debootstrap --variant=minbase --include="ca-certificates,$2" trixie "$1" > "$1.log" && touch "$1/done"; }
}

import() { # NAME IMAGE CHANGES...
    name="$1" image="$2"
    shift 2
    tar -C "$name" -c . | docker import "$@" - "$image" > /dev/null
    echo "$image"
}

unpack python python3,python3-venv,python3-pip
# pip asks where this machine asks.
cp /etc/ssl/certs/ca-certificates.crt python/etc/ssl/certs/ca-certificates.crt
printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' > python/etc/pip.conf
import python python:3.13-slim-trixie

unpack postgres postgresql
install -m 755 "$here/stand_in_postgres.sh" postgres/usr/local/bin/docker-entrypoint.sh
binaries="$(cd postgres && ls -d usr/lib/postgresql/*/bin)"
import postgres postgres:18 -c "ENV PATH=/$binaries:/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/18/docker" \
    -c 'ENTRYPOINT ["docker-entrypoint.sh"]' -c 'CMD ["postgres"]'

unpack nginx nginx
import nginx nginx:1 -c 'CMD ["nginx","-g","daemon off;"]'
unpack certbot certbot,python3-cffi-backend
import certbot certbot/certbot:latest -c 'ENTRYPOINT ["certbot"]'
unpack caddy caddy
import caddy caddy:2 -c 'ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/config' \
    -c 'CMD ["caddy","run","--config","/etc/caddy/Caddyfile","--adapter","caddyfile"]'
