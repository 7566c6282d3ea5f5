#!/bin/sh
# Gathers the static files for an image. The settings want to be complete first; none of these values is used.
set -eu
export COUNTERSIGN_DEMO=0 DJANGO_SETTINGS_MODULE=core.settings DATABASE_URL=postgresql://nobody@localhost/none
export PUBLIC_URL=https://shop.example DJANGO_ALLOWED_HOSTS=shop.example REFUND_LIMIT=none
DJANGO_SECRET_KEY="$(head -c 48 /dev/urandom | base64 -w 0)"
AUDIT_SIGNING_KEY="$(head -c 32 /dev/urandom | base64 -w 0)"
secret="$(head -c 24 /dev/urandom | base64 -w 0 | tr -dc A-Za-z0-9)"
export DJANGO_SECRET_KEY AUDIT_SIGNING_KEY
export STRIPE_DEFAULT_SECRET_KEY="sk_live_$secret" STRIPE_DEFAULT_PUBLISHABLE_KEY="pk_live_$secret"
export STRIPE_DEFAULT_WEBHOOK_SECRETS="whsec_$secret"
exec python3 manage.py collectstatic --no-input --verbosity 0
