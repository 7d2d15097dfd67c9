#!/bin/sh
# Has a service restore a picture: ask.sh damaged.png sr:4 0.01 restored.png
# LATINO_URL is the service (http://127.0.0.1:8080 unless set); LATINO_TOKEN its token, where it has one.
set -eu
url=${LATINO_URL:-http://127.0.0.1:8080}
ask() { curl --silent --show-error --fail-with-body ${LATINO_TOKEN:+--oauth2-bearer "$LATINO_TOKEN"} "$@"; }

# A queue that is full says when to come again, and curl does.
restoration=$(ask --retry 10 --form "file=@$1" --form "task=$2" --form "sigma=$3" --output /dev/null --write-out '%header{location}' "$url/v1/restorations")
ask --no-buffer "$url$restoration/events" >/dev/null # ends when the restoration has
ask --output "$4" "$url$restoration/image"
ask --request DELETE "$url$restoration"
