#include "sweep/outlook.hpp"

#include <algorithm>
#include <unordered_map>

#include "results/journal.hpp"

namespace sweep {

std::filesystem::path output_folder(const std::filesystem::path& wanted, const Config& config) {
  return wanted.empty() ? std::filesystem::path("out") / config.name : wanted;
}

results::SweepResults results_in(const std::filesystem::path& folder) {
  results::SweepResults results;
  results::read_journal(folder / "journal",
                        [&results](results::RecordType type, const std::string& payload) {
                          results::apply(results, type, payload);
                        });
  return results;
}

std::vector<std::size_t> trials_to_do(const PreparedSweep& sweep,
                                      const results::SweepResults& results, bool retry_failed) {
  std::vector<std::size_t> todo;
  for (std::size_t i = 0; i < sweep.ids.size(); ++i) {
    const auto* trial = results.find(sweep.ids[i]);
    const bool has_failed = trial != nullptr && trial->status == protocol::Outcome::failed &&
                            (retry_failed || trial->cause != protocol::Cause::exception);
    if (trial == nullptr || has_failed) todo.push_back(i);
  }
  return todo;
}

std::vector<Pack> packs_to_resume(const PreparedSweep& sweep,
                                  const std::vector<results::PackRecord>& saved,
                                  std::vector<std::size_t>& trials) {
  std::unordered_map<results::TrialId, std::size_t> to_do;
  if (saved.empty()) return {};
  for (const auto index : trials)
    to_do[sweep.ids[index]] = index;
  auto sorted = saved;
  std::ranges::sort(sorted, {}, [](const auto& pack) { return pack.trials.size(); });
  std::vector<Pack> packs;
  for (const auto& record : sorted) {
    Pack pack{.resume_from = record.key};
    for (const auto id : record.trials) {
      const auto found = to_do.find(id);
      if (found == to_do.end()) continue;
      pack.trials.push_back(found->second);
      to_do.erase(found);
    }
    if (pack.trials.empty()) continue;
    pack.combination = sweep.grid.trials[pack.trials.front()].combination;
    packs.push_back(std::move(pack));
  }
  std::erase_if(trials, [&](std::size_t index) { return !to_do.contains(sweep.ids[index]); });
  return packs;
}

std::vector<PackGroup> group_trials(const PreparedSweep& sweep,
                                    const std::vector<std::size_t>& trials, int num_ranks) {
  std::vector<PackGroup> groups(sweep.grid.combinations.size());
  for (const auto trial : trials) {
    groups[sweep.grid.trials[trial].combination].trials.push_back(trial);
  }
  const int limit = sweep.config.run.pack_width;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i].combination = i;
    groups[i].max_width =
        static_cast<std::size_t>(std::max(limit > 0 ? limit : sweep.pack_widths[i], 1));
  }
  std::erase_if(groups, [](const auto& group) { return group.trials.empty(); });
  return narrow_for_ranks(std::move(groups), num_ranks);
}

Schedule schedule_for(const PreparedSweep& sweep, Workload work, int num_ranks) {
  const bool uses_gpus = sweep.start.device == DeviceChoice::cuda;
  CostModel costs(sweep.costs, uses_gpus ? kFixedTrialsOnGpu : kFixedTrialsOnCpu);
  return {WaitingPacks(std::move(work), std::move(costs), num_ranks), sweep.config.run.retries};
}

int default_num_ranks(const PreparedSweep& sweep) {
  const bool uses_gpus = sweep.start.device == DeviceChoice::cuda;
  const auto devices = uses_gpus ? count_visible_gpus() : count_usable_cores();
  return static_cast<int>(
      std::clamp<std::size_t>(static_cast<std::size_t>(devices), 1, sweep.ids.size()));
}

}  // namespace sweep
