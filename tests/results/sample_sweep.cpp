#include "tests/results/sample_sweep.hpp"

#include <string>

namespace results {
namespace {

using nlohmann::json;
using protocol::Outcome;

/// Axes of every type; 2 x 2 x 2 trials, the other axes have one value each.
std::vector<Axis> sample_axes() {
  return {{.name = "loss", .values = {"weich", "größer"}},
          {.name = "seed", .values = {0, 9007199254740993}},  // 2^53 + 1 is no double
          {.name = "learning_rate", .values = {0.1, 1}},
          {.name = "dataset.nested", .values = {true}},
          {.name = "schedule", .values = {json{{"phases", {1, 2}}}}},
          {.name = "momentum", .values = {nullptr}},
          {.name = "empty", .values = {""}}};
}

PlanRecord sample_plan() {
  PlanRecord plan = {.name = "Größe",
                     .config_text = "name: Größe\n" + std::string(100'000, '#') + "\n",
                     .config_resolved = {{"epochs", 3}},
                     .study = "sample",
                     .replicate = {"seed"},
                     .axes = sample_axes()};
  for (TrialId i = 0; i < 8; ++i)
    plan.ids.push_back(0xABCDEF0000000000 + i);
  plan.variables = {
      {"final_accuracy", {.long_name = "accuracy at the end"}},
      {"never_reported", {.units = "nat"}},
      {"train_loss", {.dims = {"epoch"}, .units = "nat", .long_name = "mean training loss"}},
      {"never_reported_curve", {.dims = {"epoch"}}},
      {"heatmap", {.dims = {"row", "bin"}}},
      {"bin", {.dims = {"bin"}, .units = "m", .long_name = "centre of the bin"}}};
  plan.headline = {"final_accuracy"};
  return plan;
}

/// Trial 0 says everything, 1 little, 2 and 3 end badly, 4 is of another shape; the rest wait.
std::vector<TrialRecord> sample_trials(const std::vector<TrialId>& ids) {
  return {{.id = ids[0],
           .attempts = 2,
           .elapsed_s = 1.5,
           .rank = 3,
           .device = "NVIDIA H100",
           .values = {{"final_accuracy", 0.1},
                      {"train_loss", {3, 2, 1.5, nullptr}},
                      {"heatmap", {{1, 2, 3}, {4, 5, 6}}},
                      {"bin", {-0.5, 0.5, 1.5}}}},
          {.id = ids[1],
           .elapsed_s = 0.25,
           .device = "cpu",
           .values = {{"final_accuracy", 1e-300}, {"train_loss", {7}}, {"heatmap", {{8}}}}},
          {.id = ids[2],
           .status = Outcome::diverged,
           .error = "loss is inf in epoch 1",
           .values = {{"final_accuracy", nullptr}, {"train_loss", {7, nullptr}}}},
          {.id = ids[3],
           .status = Outcome::failed,
           .cause = protocol::Cause::crash,
           .error = "Ausnahme: „zu groß“\nzweite Zeile"},
          {.id = ids[4], .values = {{"final_accuracy", {1, 2}}, {"train_loss", 5}}},
          {.id = 1, .values = {{"final_accuracy", 99}}}};  // of a former plan
}

EndRecord sample_end(const char* ended) {
  return {.ended = ended,
          .reason = "finished",
          .workers = {{.info = {.rank = 0, .host = "node1", .device = "cpu"},
                       .busy_s = 1.25,
                       .allocated_s = 2.5,
                       .packs = 1,
                       .trials = 2},
                      {.info = {.rank = 1, .host = "node2", .device = "cpu", .gpu = "2"},
                       .busy_s = 0.5,
                       .allocated_s = 2.5,
                       .packs = 2,
                       .trials = 3}}};
}

const SessionRecord first_session = {.started = "2026-01-02T03:04:05Z",
                                     .command_line = "mpisweep run first.yaml",
                                     .slurm = SlurmJob{.id = "4711", .nodes = "n[1-2]"}};

const SessionRecord second_session = {.started = "2026-01-03T03:04:05Z",
                                      .command_line = "mpisweep run größe.yaml",
                                      .versions = {{"mpisweep", "0.1.0"},
                                                   {"git_commit", "3f2a91c"},
                                                   {"trainer", "libtorch 2.11.0"},
                                                   {"mpi", "Open MPI 4.1.4"}}};

}  // namespace

std::vector<std::pair<RecordType, std::string>> sample_records() {
  const auto plan = sample_plan();
  std::vector<std::pair<RecordType, std::string>> records = {
      {RecordType::plan, serialize(plan)}, {RecordType::session, serialize(first_session)}};
  for (const auto& trial : sample_trials(plan.ids))
    records.emplace_back(RecordType::trial, serialize(trial));
  records.emplace_back(RecordType::end, serialize(sample_end("2026-01-02T04:00:00Z")));
  records.emplace_back(RecordType::session, serialize(second_session));
  records.emplace_back(RecordType::end, serialize(sample_end("2026-01-03T04:00:00Z")));
  return records;
}

SweepResults sample_sweep() {
  SweepResults sweep;
  for (const auto& [type, payload] : sample_records())
    apply(sweep, type, payload);
  return sweep;
}

}  // namespace results
