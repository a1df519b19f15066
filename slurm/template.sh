#!/bin/bash
@SBATCH@

# ---- Settings of the sweep and of the site ----
@SETTINGS@

# ---- From here on every job is the same ----
: "${SLURM_JOB_ID:?is not set, submit this script with sbatch}"
if ((${#modules[@]} > 0)); then module load "${modules[@]}"; fi
set -euo pipefail  # not before: modules of many sites do not bear it
export MPISWEEP_JOB_SCRIPT=$0  # submitted again where a job may not be requeued

command=("$mpisweep" run "$config" --output "$output" --launcher "$launcher" --requeue
  ${run_options[@]+"${run_options[@]}"})
printf 'job %s, start %d, %s\n' "$SLURM_JOB_ID" $((${SLURM_RESTART_COUNT:-0} + 1)) "$(date -u)"
printf 'hosts: %s\n' "$SLURM_JOB_NODELIST"
"$mpisweep" --version
printf 'command:'
printf ' %q' "${command[@]}"
printf '\n\n'
exec "${command[@]}"  # in place of this shell, so that it gets Slurm's signals itself
