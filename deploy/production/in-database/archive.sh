#!/bin/sh
# Run by PostgreSQL for each file of its write-ahead log: archive.sh PATH NAME. The file leaves whole or not at all, compressed, and
# nothing is written over; what is there already, of an attempt whose end the server did not live to see, is done if it is the same.
set -eu
there="/backups/wal/$2.gz"
if [ -f "$there" ]; then
    gzip -dc "$there" | cmp -s - "$1"
    exit
fi
gzip -1c "$1" > "$there.part"
sync "$there.part"
mv "$there.part" "$there"
