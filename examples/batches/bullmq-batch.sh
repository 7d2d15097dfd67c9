#!/bin/sh
# The batch itself, on one machine: it puts images into the queue, and writes journal, progress and report as workers finish them.
#
#   QUEUE=redis://queue.internal:6379 INPUT=/images/measurements OUTPUT=/images/restored sh bullmq-batch.sh
#
# It may be ended and started again at any time; workers go on meanwhile, and what they did is not done twice.
set -eu
exec ${LATINO:-npx latino-native} batch "${INPUT:?the folder of measurements}" --out "${OUTPUT:?the folder for results}" \
  --task "${TASK:-sr:4}" --sigma "${SIGMA:-0.01}" --queue "${QUEUE:?redis://host:port}"
