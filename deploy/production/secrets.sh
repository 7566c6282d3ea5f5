#!/bin/sh
# Usage: secrets.sh. Makes what can be made up in deploy/production/secrets, and names what has to be brought. It overwrites nothing.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
cd secrets

make() { [ -s "$1" ] || printf '%s' "$2" > "$1"; }
random() { head -c "$1" /dev/urandom | base64 -w 0 | tr '+/' '-_'; }

make django_secret_key "$(random 48)"
make audit_signing_key "$(head -c 32 /dev/urandom | base64 -w 0)"
make database_owner_password "$(random 24)"
make database_owner_url "postgresql://countersign:$(cat database_owner_password)@database:5432/countersign"
make database_url "postgresql://countersign_application:$(random 24)@database:5432/countersign"
make metrics_token "$(random 24)"

missing=""
for brought in stripe_default_secret_key stripe_default_webhook_secrets email_url; do
    [ -s "$brought" ] || missing="$missing $brought"
done
# The application's group, in its image; they are mounted as they are.
chgrp 10001 ./*
chmod 440 ./*
[ -z "$missing" ] || { echo "still to be brought into deploy/production/secrets:$missing" >&2; exit 1; }
