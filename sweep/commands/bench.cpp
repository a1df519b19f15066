#include "sweep/commands/bench.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <iostream>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "sweep/exit_code.hpp"
#include "sweep/prepare.hpp"

namespace sweep {
namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;
using Trainers = std::vector<std::unique_ptr<TrainerProcess>>;

constexpr std::chrono::seconds kPatience{600};  // for a message, of a cold file system too
constexpr int kWidestOnCpu = 8;
constexpr int kWidestOnGpu = 4096;
constexpr int kNumInputs = 2000;
constexpr int kBatchSize = 200;
constexpr double kLearningRate = 0.01;
constexpr const char* kWorkload =
    "mosaics of 9 segments of 64 features, MLP of 50 units, Adam, batch 200";
constexpr std::array kLosses = {"soft", "hard", "lvml"};

/// How a pack went on every trainer.
struct PackRun {
  double seconds = 0;
  double final_loss = 0;  ///< of the first trial
};

/// One loss at one width.
struct Cell {
  std::string loss = {};
  int width = 1;
  bool is_chosen = false;           ///< the width that a sweep would choose
  std::optional<PackRun> run = {};  ///< nothing: too little memory
  double trial_steps_per_s = 0;
};

struct Bench {
  protocol::Ready ready = {};
  bool is_on_gpu = false;
  std::string precision = {};    ///< as the trainer understood it
  std::vector<Cell> cells = {};  ///< loss by loss, widths ascending
};

Json settings_of(const std::string& loss, int epochs, const std::string& precision) {
  return {{"study", "focus_classification"},
          {"loss", loss},
          {"epochs", epochs},
          {"precision", precision},
          {"batch_size", kBatchSize},
          {"optimizer", "adam"},
          {"model", {{"name", "mlp"}, {"hidden", 50}, {"activation", "tanh"}}},
          {"dataset",
           {{"kind", "mosaic"},
            {"images", "gaussian"},
            {"segments", 9},
            {"dimension", 64},
            {"size", kNumInputs}}}};
}

/// Throws: protocol::ProtocolError with the trainer's own reason.
template <class Answer>
Answer expect(TrainerProcess& trainer) {
  auto message = trainer.expect(kPatience);
  if (auto* answer = std::get_if<Answer>(&message)) return std::move(*answer);
  const auto* failure = std::get_if<protocol::Failure>(&message);
  throw protocol::ProtocolError(failure != nullptr ? failure->error
                                                   : "the trainer answered something else");
}

/// Returns what the first one says of itself.
Bench start_trainers(const BenchOptions& options, Trainers& trainers) {
  TrainerChoice start{.trainer = {}, .device = options.device};
  trainers.resize(static_cast<std::size_t>(options.ranks));
  auto ready = start_first_trainer(start, trainers.front());
  for (int rank = 1; rank < options.ranks; ++rank) {
    auto& trainer = trainers[static_cast<std::size_t>(rank)];
    trainer = std::make_unique<TrainerProcess>(start.trainer);
    const auto device = map_rank_to_device(start.device, rank, count_visible_gpus());
    trainer->send(protocol::Hello{.device = device});
    expect<protocol::Ready>(*trainer);
  }
  return {.ready = std::move(ready), .is_on_gpu = start.device == DeviceChoice::cuda};
}

/// The trainer's judgement of each loss's settings, the width that a sweep would choose among it.
protocol::Checked ask(TrainerProcess& trainer, const BenchOptions& options) {
  protocol::Check check;
  for (const auto& loss : kLosses)
    check.settings.push_back(settings_of(loss, options.epochs, options.precision));
  trainer.send(check);
  auto answer = expect<protocol::Checked>(trainer);
  if (!answer.problems.empty()) {
    const auto& first = answer.problems.front();
    throw protocol::ProtocolError("the trainer refuses " + first.key + ": " + first.problem);
  }
  answer.pack_widths.resize(kLosses.size(), 1);
  return answer;
}

protocol::PackRequest make_pack(const Json& settings, int width) {
  protocol::PackRequest pack{.settings = settings};
  for (int i = 0; i < width; ++i) {
    pack.trials.push_back(
        {.id = fmt::format("{:016x}", i), .seed = i, .learning_rate = kLearningRate});
  }
  return pack;
}

/// Reads what a trainer says of its pack to the end. False if it has too little memory for it.
bool await_pack(TrainerProcess& trainer, double& final_loss) {
  for (;;) {
    const auto message = trainer.expect(kPatience);
    if (std::holds_alternative<protocol::Done>(message)) return true;
    if (const auto* failure = std::get_if<protocol::PackFailure>(&message)) {
      if (failure->cause == protocol::Cause::out_of_memory) return false;
      throw protocol::ProtocolError(failure->error);
    }
    const auto* result = std::get_if<protocol::Result>(&message);
    if (result == nullptr) continue;
    if (result->status != protocol::Outcome::finished) throw protocol::ProtocolError(result->error);
    if (result->id == std::string(16, '0')) final_loss = result->values.at("final_train_loss");
  }
}

/// Trains the same pack on every trainer at once. Nothing if one has too little memory for it.
std::optional<PackRun> run_pack(const Trainers& trainers, const protocol::PackRequest& pack) {
  PackRun run;
  const auto begin = Clock::now();
  for (const auto& trainer : trainers)
    trainer->send(pack);
  bool is_done = true;
  for (const auto& trainer : trainers)
    is_done = await_pack(*trainer, run.final_loss) && is_done;
  run.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return is_done ? std::optional(run) : std::nullopt;
}

/// Powers of two, and the width that a sweep would choose.
std::set<int> widths_to_measure(bool is_on_gpu, int chosen) {
  std::set<int> widths = {chosen};
  for (int width = 1; width <= (is_on_gpu ? kWidestOnGpu : kWidestOnCpu); width *= 2)
    widths.insert(width);
  return widths;
}

/// The first pack is not counted: it warms up what is made once.
std::vector<Cell> measure_loss(const Trainers& trainers, const std::string& loss,
                               const std::set<int>& widths, int chosen,
                               const BenchOptions& options) {
  const auto settings = settings_of(loss, options.epochs, options.precision);
  run_pack(trainers, make_pack(settings_of(loss, /*epochs=*/1, options.precision), 1));
  const auto steps_per_trial = static_cast<double>(options.epochs) * kNumInputs / kBatchSize;
  std::vector<Cell> cells;
  for (const int width : widths) {
    Cell cell{.loss = loss,
              .width = width,
              .is_chosen = width == chosen,
              .run = run_pack(trainers, make_pack(settings, width))};
    if (cell.run) {
      const auto num_trials = static_cast<double>(trainers.size()) * width;
      cell.trial_steps_per_s = steps_per_trial * num_trials / cell.run->seconds;
    }
    cells.push_back(cell);
  }
  return cells;
}

/// Of the first trial's final loss, relative to that in the narrowest pack of the same loss.
double largest_difference(const std::vector<Cell>& cells) {
  std::map<std::string, double> references;
  double largest = 0;
  for (const auto& cell : cells) {
    if (!cell.run) continue;
    const auto reference = references.emplace(cell.loss, cell.run->final_loss).first->second;
    largest = std::max(largest, std::abs(cell.run->final_loss / reference - 1));
  }
  return largest;
}

Bench measure(const BenchOptions& options) {
  Trainers trainers;
  auto bench = start_trainers(options, trainers);
  const auto checked = ask(*trainers.front(), options);
  bench.precision = checked.resolved.front().at("precision");
  for (std::size_t i = 0; i < kLosses.size(); ++i) {
    const auto chosen = checked.pack_widths[i];
    const auto widths = widths_to_measure(bench.is_on_gpu, chosen);
    const auto cells = measure_loss(trainers, kLosses[i], widths, chosen, options);
    bench.cells.insert(bench.cells.end(), cells.begin(), cells.end());
  }
  return bench;
}

void print_json(const Bench& bench, const BenchOptions& options) {
  Json cells = Json::array();
  for (const auto& cell : bench.cells) {
    cells.push_back({{"loss", cell.loss},
                     {"width", cell.width},
                     {"is_chosen", cell.is_chosen},
                     {"trial_steps_per_s", cell.run ? Json(cell.trial_steps_per_s) : Json()}});
  }
  const Json all = {{"device", bench.ready.device},
                    {"trainer", bench.ready.trainer},
                    {"ranks", options.ranks},
                    {"epochs", options.epochs},
                    {"precision", bench.precision},
                    {"rates", cells},
                    {"largest_difference", largest_difference(bench.cells)}};
  std::cout << all.dump(2) << '\n';
}

/// "1234 *"; a width that was not measured for a loss has no entry.
std::string entry(const Bench& bench, const std::string& loss, int width) {
  const auto cell = std::ranges::find_if(
      bench.cells, [&](const Cell& each) { return each.loss == loss && each.width == width; });
  if (cell == bench.cells.end()) return "";
  const auto rate = cell->run ? fmt::format("{:.0f}", cell->trial_steps_per_s) : "no memory";
  return rate + (cell->is_chosen ? " *" : "  ");
}

void print_table(const Bench& bench, const BenchOptions& options) {
  std::cout << fmt::format(
      "{} on {}, {} trainer{}\n{}, {}, {} epochs\n\ntrial-steps/s by pack width\n",
      bench.ready.trainer, bench.ready.device, options.ranks, options.ranks == 1 ? "" : "s",
      kWorkload, bench.precision, options.epochs);
  std::set<int> widths;
  for (const auto& cell : bench.cells)
    widths.insert(cell.width);
  std::cout << fmt::format("{:>5}", "width");
  for (const auto& loss : kLosses)
    std::cout << fmt::format("{:>12}  ", loss);
  for (const int width : widths) {
    std::cout << fmt::format("\n{:>5}", width);
    for (const auto& loss : kLosses)
      std::cout << fmt::format("{:>14}", entry(bench, loss, width));
  }
  std::cout << "\n(* chosen by a sweep; metrics of each epoch included)\n";
  const auto difference = largest_difference(bench.cells);
  if (difference == 0) {
    std::cout << "a trial learns the same at every width, bit for bit\n";
  } else {
    std::cout << fmt::format("a trial's final loss differs by {:.1e} at most, relatively\n",
                             difference);
  }
}

}  // namespace

int bench_command(const BenchOptions& options) {
  const auto bench = measure(options);
  if (options.as_json) {
    print_json(bench, options);
  } else {
    print_table(bench, options);
  }
  return to_int(ExitCode::success);
}

}  // namespace sweep
