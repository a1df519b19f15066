#!/bin/bash
#SBATCH --job-name=mnist-mosaics
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=4
#SBATCH --gpus-per-node=4
#SBATCH --time=04:00:00
#SBATCH --output=slurm-%j.log
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@30
#SBATCH --requeue
#SBATCH --no-kill
# With --no-kill the job outlives a node that dies: the ranks start again on the others.

# ---- Settings of the sweep and of the site ----
mpisweep=$HOME/mpisweep/build/mpisweep
config=$HOME/mpisweep/configs/mnist_mosaics.yaml
output=$HOME/sweeps/mnist_mosaics  # where all nodes can write
launcher=srun                      # or mpirun
modules=()                         # such as (gcc/12.2 openmpi/4.1 hdf5/1.14)
run_options=()                     # such as (--set run.checkpoint_every=300)

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
