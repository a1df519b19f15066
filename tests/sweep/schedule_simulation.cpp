#include "tests/sweep/schedule_simulation.hpp"

#include <chrono>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <queue>
#include <random>
#include <utility>
#include <vector>

#include "sweep/schedule.hpp"

namespace sweep {
namespace {

using Generator = std::mt19937_64;
using Clock = std::chrono::steady_clock;

/// Adds up the time that a part of the program takes.
class StopWatch {
 public:
  template <class Part>
  auto time(const Part& part) {
    const auto begin = Clock::now();
    auto value = part();
    total_ += Clock::now() - begin;
    return value;
  }

  double seconds() const { return std::chrono::duration<double>(total_).count(); }

 private:
  Clock::duration total_ = {};
};

/// How long the trials of each combination take, log-uniform with mean 1.
std::vector<double> draw_lengths(const SimulatedSweep& sweep, Generator& random) {
  std::uniform_real_distribution<double> exponent(0, std::log(sweep.spread));
  std::vector<double> lengths(sweep.num_combinations, 1);
  for (auto& length : lengths)
    length = sweep.spread > 1 ? std::exp(exponent(random)) : 1;
  const auto mean =
      std::accumulate(lengths.begin(), lengths.end(), 0.0) / static_cast<double>(lengths.size());
  for (auto& length : lengths)
    length /= mean;
  return lengths;
}

std::vector<double> draw_hints(const SimulatedSweep& sweep, const std::vector<double>& lengths,
                               Generator& random) {
  std::uniform_real_distribution<double> exponent(-1, 1);
  auto hints = lengths;
  for (auto& hint : hints)
    hint *= std::pow(sweep.hint_error, exponent(random));
  return hints;
}

/// Trials of a combination follow each other.
std::vector<PackGroup> make_groups(const SimulatedSweep& sweep) {
  std::vector<PackGroup> groups;
  std::size_t first = 0;
  for (std::size_t i = 0; i < sweep.num_combinations; ++i) {
    const auto end = sweep.num_trials * (i + 1) / sweep.num_combinations;
    PackGroup group{.combination = i,
                    .trials = std::vector<std::size_t>(end - first),
                    .max_width = sweep.pack_width};
    std::iota(group.trials.begin(), group.trials.end(), first);
    groups.push_back(std::move(group));
    first = end;
  }
  return groups;
}

/// A pack that is training.
struct Training {
  double end_s = 0;
  int worker = 0;
  double seconds = 0;
  bool is_lost = false;  ///< its trainer dies at the end, half of its trials done

  bool operator>(const Training& other) const {
    return std::tie(end_s, worker) > std::tie(other.end_s, other.worker);
  }
};

/// Hands packs to workers as soon as they are free, and lets time pass between two ends.
class Machine {
 public:
  Machine(const SimulatedSweep& sweep, std::vector<double> lengths, Generator& random)
      : sweep_(sweep), lengths_(std::move(lengths)), random_(random) {}

  /// `lend(worker, now_s)` gives the next lease or null; `end(training)` hears of a pack that has
  /// ended, and gives the numbers of its trials that have finished and that are given up.
  template <class Lend, class End>
  Simulation run(const Lend& lend, const End& end) {
    for (int worker = 0; worker < sweep_.num_workers; ++worker)
      idle_.push_back(worker);
    begin_packs(lend);
    while (!training_.empty()) {
      const auto done = training_.top();
      training_.pop();
      now_s_ = done.end_s;
      finish(done, end);
      idle_.push_back(done.worker);
      begin_packs(lend);
    }
    result_.span_s = now_s_;
    result_.utilization = result_.work_s / (now_s_ * sweep_.num_workers);
    return result_;
  }

 private:
  template <class Lend>
  void begin_packs(const Lend& lend) {
    while (!idle_.empty()) {
      const Lease* lease = lend(idle_.back(), now_s_);
      if (lease == nullptr) return;
      begin(idle_.back(), lease->pack);
      idle_.pop_back();
    }
  }

  void begin(int worker, const Pack& pack) {
    std::uniform_real_distribution<double> share(0, 1);
    const double noise = 1 + sweep_.noise * (2 * share(random_) - 1);
    const auto width = static_cast<double>(pack.trials.size());
    Training training{.worker = worker,
                      .seconds = lengths_[pack.combination] * noise * (sweep_.fixed_trials + width),
                      .is_lost = share(random_) < sweep_.loss_rate};
    if (training.is_lost) training.seconds *= share(random_);
    training.end_s = now_s_ + training.seconds;
    result_.work_s += training.seconds;
    ++result_.num_packs;
    training_.push(training);
  }

  template <class End>
  void finish(const Training& training, const End& end) {
    const auto [num_finished, num_given_up] = end(training);
    result_.num_finished += num_finished;
    result_.num_given_up += num_given_up;
  }

  const SimulatedSweep& sweep_;
  std::vector<double> lengths_;
  Generator& random_;
  double now_s_ = 0;
  std::vector<int> idle_;
  std::priority_queue<Training, std::vector<Training>, std::greater<>> training_;
  Simulation result_;
};

}  // namespace

Simulation simulate(const SimulatedSweep& sweep) {
  Generator random(sweep.seed);
  const auto lengths = draw_lengths(sweep, random);
  const auto hints = draw_hints(sweep, lengths, random);
  auto groups = narrow_for_ranks(make_groups(sweep), sweep.num_workers);
  StopWatch watch;
  std::optional<Schedule> schedule;
  watch.time([&] {
    schedule.emplace(WaitingPacks({.groups = std::move(groups)},
                                  CostModel(hints, kFixedTrialsOnCpu), sweep.num_workers),
                     default_retries());
    return true;
  });
  const auto lend = [&](int worker, double now_s) {
    return watch.time([&] { return schedule->lend(worker, now_s); });
  };
  const auto end = [&](const Training& training) {
    return watch.time([&] {
      const auto trials = schedule->lease_of(training.worker)->pack.trials;
      const auto num_finished = training.is_lost ? trials.size() / 2 : trials.size();
      for (std::size_t i = 0; i < num_finished; ++i)
        schedule->finish_trial(training.worker, trials[i]);
      if (!training.is_lost) schedule->learn(training.worker, training.seconds);
      const auto given_up =
          schedule->end_lease(training.worker, protocol::Cause::killed, /*checkpoint=*/0);
      return std::pair(num_finished, given_up.size());
    });
  };
  auto result = Machine(sweep, lengths, random).run(lend, end);
  result.own_s = watch.seconds();
  return result;
}

Simulation simulate_plan_order(const SimulatedSweep& sweep) {
  Generator random(sweep.seed);
  const auto lengths = draw_lengths(sweep, random);
  draw_hints(sweep, lengths, random);
  std::vector<Lease> packs;
  for (const auto& group : make_groups(sweep)) {
    const Pack whole{.combination = group.combination, .trials = group.trials};
    for (auto& pack : cut(whole, group.max_width))
      packs.push_back({.pack = std::move(pack)});
  }
  std::vector<const Lease*> lent(static_cast<std::size_t>(sweep.num_workers));
  std::size_t next = 0;
  const auto lend = [&](int worker, double /*now_s*/) {
    return lent[static_cast<std::size_t>(worker)] = next < packs.size() ? &packs[next++] : nullptr;
  };
  const auto end = [&](const Training& training) {
    const auto& lease = *lent[static_cast<std::size_t>(training.worker)];
    return std::pair(lease.pack.trials.size(), std::size_t{0});
  };
  return Machine(sweep, lengths, random).run(lend, end);
}

}  // namespace sweep
