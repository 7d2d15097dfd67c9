#!/bin/sh
# A worker, on every machine that restores. It sees the images under the same paths as the machine that runs bullmq-batch.sh.
#
#   npm install latino-native bullmq ioredis
#   QUEUE=redis://queue.internal:6379 sh bullmq-worker.sh
#
# SIGTERM (systemd, Kubernetes, Ctrl-C) lets it finish what it has begun; what takes longer than the grace goes back to the queue.
set -eu
exec ${LATINO:-npx latino-native} worker --queue "${QUEUE:?redis://host:port}" --grace "${GRACE:-25}"
