#pragma once

#include <string>
#include <vector>

#include "sweep/devices.hpp"

/// Which rank trains on which device. Plain functions of what the ranks see.
namespace sweep {

/// What a rank sees of its node before anything starts.
struct RankView {
  std::string node = {};
  std::vector<std::string> gpus = {};  ///< names of those it may use, in CUDA's order
  bool is_in_slurm = false;
  bool asks_per_task = false;  ///< Slurm was asked for GPUs per task
  std::string task = {};       ///< of Slurm's that the rank is, or is part of; empty: unknown
};

/// What this rank sees.
RankView view_of_this_rank();

/// As JSON text, and back.  Throws: protocol::ProtocolError if the text is no such view.
std::string serialize(const RankView& view);
RankView parse_rank_view(const std::string& text);

struct RankDevice {
  std::string device = {};  ///< "cuda:1", "cpu"; empty: none, the rank stays idle
  std::string gpu = {};     ///< its name on the node; empty for a CPU
};

struct DeviceAssignment {
  std::vector<RankDevice> ranks = {};      ///< one per view
  std::vector<std::string> findings = {};  ///< what people should know, a sentence each
};

/// Gives every rank a GPU, of those that it sees the one that fewest ranks of its node have before
/// it; or the CPU to all if no GPUs are used. A rank that sees no GPU stays idle: packs for a GPU
/// and for a CPU have other widths and round otherwise. The findings name the nodes of such ranks,
/// those where Slurm shows all ranks the one GPU that it meant for one, and under Slurm GPUs that
/// nobody uses.
DeviceAssignment assign_devices(bool uses_gpus, const std::vector<RankView>& views);

/// Why a sweep that may choose its devices should not start: rank 0, which chooses, sees no GPU
/// where others do. Empty if it may.
std::string flaw_of_choice(DeviceChoice choice, const std::vector<RankView>& views);

}  // namespace sweep
