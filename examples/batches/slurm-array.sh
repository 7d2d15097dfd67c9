#!/bin/sh
# A batch as a Slurm array: every task restores a share of the images. Shares do not overlap, so tasks need not know of one another.
#
#   sbatch --export=ALL,INPUT=measurements,OUTPUT=restored slurm-array.sh
#
# A task that is ended (time, preemption) does what is left when it runs again. When all have ended, write one report of all shares:
#
#   sbatch --dependency=afterany:<job> --wrap 'npx latino-native report restored'
#
#SBATCH --job-name=latino
#SBATCH --array=1-16
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --output=latino-%A-%a.log
set -eu

# Shares are counted from 1; an array may begin anywhere.
share=$((SLURM_ARRAY_TASK_ID - ${SLURM_ARRAY_TASK_MIN:-1} + 1))

# Exit status 3 says that the share is done but for images that failed. They are in the journal and in the report.
status=0
${LATINO:-npx latino-native} batch "${INPUT:?the folder of measurements}" --out "${OUTPUT:?the folder for results}" \
  --task "${TASK:-sr:4}" --sigma "${SIGMA:-0.01}" --shard "$share/$SLURM_ARRAY_TASK_COUNT" || status=$?
[ "$status" -eq 3 ] && exit 0
exit "$status"
