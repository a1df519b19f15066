#pragma once

#include <cstdint>
#include <vector>

/// From trials to packs. Plain functions: no I/O, no MPI.
namespace sweep {

/// Trials that may train together: all their settings but seed and learning rate agree.
struct PackGroup {
  std::size_t combination = 0;           ///< index into Grid::combinations
  std::vector<std::size_t> trials = {};  ///< indices into Grid::trials
  std::size_t max_width = 1;             ///< most trials in one pack, >= 1
};

/// Trials to be trained together.
struct Pack {
  std::int64_t number = 0;  ///< unique within a run, given when it is lent
  std::size_t combination = 0;
  std::vector<std::size_t> trials = {};
  std::uint64_t resume_from = 0;  ///< key of the checkpoint it goes on from; 0: it begins
};

/// What a run has to train.
struct Workload {
  std::vector<Pack> saved = {};        ///< packs that go on from a checkpoint
  std::vector<PackGroup> groups = {};  ///< the rest, at most one for a combination
};

/// How many parts of `size` hold `count`, the last one perhaps not full.  `size` >= 1
std::size_t divide_rounding_up(std::size_t count, std::size_t size);

/// As few packs as hold `num_trials`, of at most `max_width` each.
std::size_t count_packs(std::size_t num_trials, std::size_t max_width);

/// The widest of these packs; the others have as many trials or one less.
std::size_t width_of_widest(std::size_t num_trials, std::size_t max_width);

/// The packs of a workload, unless some are cut at the end of a run.
std::size_t count_packs(const Workload& work);

/// Narrows the widest groups until there is a pack for each rank, or a pack for each trial.
/// Throws: std::invalid_argument if num_ranks < 1.
std::vector<PackGroup> narrow_for_ranks(std::vector<PackGroup> groups, int num_ranks);

}  // namespace sweep
