#include "results/records.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "results/file.hpp"

namespace results {
namespace {

using nlohmann::json;

PlanRecord sample_plan() {
  return {
      .name = "näme",
      .config_text = "name: \"näme\"\n# comment\n",
      .config_resolved = {{"trial", {{"epochs", 30}}}},
      .study = "focus",
      .replicate = {"seed"},
      .axes = {{.name = "loss", .values = {"soft", nullptr}}, {.name = "seed", .values = {0, 1}}},
      .ids = {0, 1, 0xFFFFFFFFFFFFFFFF, 0x0123456789ABCDEF},
      .variables = {{"curve", {.dims = {"epoch"}, .units = "nat", .long_name = "a loss"}}},
      .headline = {"curve"}};
}

TEST(TrialId, IsSixteenHexDigits) {
  EXPECT_EQ(to_hex(0), "0000000000000000");
  EXPECT_EQ(to_hex(0x0123456789ABCDEF), "0123456789abcdef");
  EXPECT_EQ(trial_id_from_hex("0123456789abcdef"), 0x0123456789ABCDEFU);
}

TEST(TrialId, RefusesWhatIsNotSixteenHexDigits) {
  for (const auto* text : {"", "0123", "0123456789abcdefg", "0123456789abcdeg", "0x23456789abcdef",
                           "-123456789abcdef", " 123456789abcdef"}) {
    EXPECT_THROW(trial_id_from_hex(text), StorageError) << text;
  }
}

TEST(PlanRecord, ComesBackWhole) {
  const auto plan = sample_plan();

  const auto parsed = parse_plan(serialize(plan));

  EXPECT_EQ(parsed.name, plan.name);
  EXPECT_EQ(parsed.config_text, plan.config_text);
  EXPECT_EQ(parsed.config_resolved, plan.config_resolved);
  EXPECT_EQ(parsed.study, plan.study);
  EXPECT_EQ(parsed.replicate, plan.replicate);
  ASSERT_EQ(parsed.axes.size(), 2U);
  EXPECT_EQ(parsed.axes[0].name, "loss");
  EXPECT_EQ(parsed.axes[0].values, plan.axes[0].values);
  EXPECT_EQ(parsed.ids, plan.ids);
  EXPECT_EQ(parsed.variables.at("curve").dims, std::vector<std::string>{"epoch"});
  EXPECT_EQ(parsed.variables.at("curve").units, "nat");
  EXPECT_EQ(parsed.variables.at("curve").long_name, "a loss");
  EXPECT_EQ(parsed.headline, plan.headline);
}

TEST(PlanRecord, StoresATrialInSixteenBytes) {
  auto plan = sample_plan();
  const auto before = serialize(plan).size();

  plan.ids.push_back(5);

  EXPECT_EQ(serialize(plan).size(), before + 16);
}

TEST(PlanRecord, DiffersWhenAnyPartDoes) {
  const auto plan = sample_plan();
  auto other_units = plan;
  other_units.variables.at("curve").units = "1";
  auto other_type = plan;
  other_type.axes[1].values[0] = 0.0;  // 0 == 0.0 for nlohmann
  auto other_trial = plan;
  other_trial.ids[0] = 9;

  auto other_setting = plan;
  other_setting.config_resolved["trial"]["epochs"] = 31;
  auto fewer_settings = plan;
  fewer_settings.config_resolved["trial"].erase("epochs");
  auto longer_axis = plan;
  longer_axis.axes[0].values.emplace_back("hard");

  EXPECT_EQ(plan, sample_plan());
  EXPECT_EQ(plan, parse_plan(serialize(plan)));
  EXPECT_FALSE(plan == other_setting);
  EXPECT_FALSE(plan == fewer_settings);
  EXPECT_FALSE(longer_axis == plan);
  EXPECT_FALSE(plan == other_units);
  EXPECT_FALSE(plan == other_type);
  EXPECT_FALSE(plan == other_trial);
}

TEST(SessionRecord, ComesBackWhole) {
  const SessionRecord session = {.started = "2026-01-02T03:04:05Z",
                                 .command_line = "mpisweep run a.yaml",
                                 .versions = {{"mpisweep", "0.1.0"}, {"git_commit", "abc"}},
                                 .num_ranks = 4};

  const auto parsed = parse_session(serialize(session));

  EXPECT_EQ(parsed.started, session.started);
  EXPECT_EQ(parsed.command_line, session.command_line);
  EXPECT_EQ(parsed.versions, session.versions);
  EXPECT_EQ(parsed.num_ranks, 4);
}

TEST(SessionRecord, NamesTheSlurmJobOrNone) {
  const SlurmJob job = {.id = "4713",
                        .array_task = "4711_3",
                        .num_restarts = 2,
                        .cluster = "blue",
                        .nodes = "n[1-2]"};

  const auto parsed = parse_session(serialize(SessionRecord{.slurm = job}));

  ASSERT_TRUE(parsed.slurm);
  EXPECT_EQ(parsed.slurm->id, "4713");
  EXPECT_EQ(parsed.slurm->array_task, "4711_3");
  EXPECT_EQ(parsed.slurm->num_restarts, 2);
  EXPECT_EQ(parsed.slurm->cluster, "blue");
  EXPECT_EQ(parsed.slurm->nodes, "n[1-2]");
  EXPECT_EQ(serialize(SessionRecord{}).find("slurm"), std::string::npos);
  EXPECT_FALSE(parse_session(serialize(SessionRecord{})).slurm);
}

TEST(TrialRecord, ComesBackWhole) {
  const TrialRecord trial = {.id = 7,
                             .status = protocol::Outcome::failed,
                             .cause = protocol::Cause::crash,
                             .error = "signal 11\nlast words",
                             .attempts = 2,
                             .elapsed_s = 1.25,
                             .rank = 3,
                             .device = "NVIDIA H100",
                             .values = {{"x", 0.1}, {"curve", {1.0, nullptr}}}};

  const auto parsed = parse_trial(serialize(trial));

  EXPECT_EQ(parsed.id, 7U);
  EXPECT_EQ(parsed.status, trial.status);
  EXPECT_EQ(parsed.cause, trial.cause);
  EXPECT_EQ(parsed.error, trial.error);
  EXPECT_EQ(parsed.attempts, 2);
  EXPECT_EQ(parsed.elapsed_s, 1.25);
  EXPECT_EQ(parsed.rank, 3);
  EXPECT_EQ(parsed.device, trial.device);
  EXPECT_EQ(parsed.values, trial.values);
}

TEST(PackRecord, ComesBackWhole) {
  const auto pack = parse_pack(serialize(PackRecord{.key = 0xabc, .trials = {7, 9}}));

  EXPECT_EQ(pack.key, 0xabcU);
  EXPECT_EQ(pack.trials, (std::vector<TrialId>{7, 9}));
}

TEST(TrialRecord, KeepsEveryBitOfANumber) {
  using Limits = std::numeric_limits<double>;
  for (const double value : {0.1, 1.0 / 3.0, 6.02214076e23, Limits::denorm_min(), Limits::max(),
                             Limits::lowest(), Limits::epsilon(), -0.0, 9007199254740993.0}) {
    const auto parsed = parse_trial(serialize(TrialRecord{.values = {{"x", value}}}));

    EXPECT_EQ(std::bit_cast<std::uint64_t>(parsed.values.at("x").get<double>()),
              std::bit_cast<std::uint64_t>(value))
        << value;
  }
}

TEST(TrialRecord, WritesNanAndInfinitiesAsNull) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();

  const auto payload = serialize(TrialRecord{.values = {{"x", kInfinity}, {"y", std::nan("")}}});

  EXPECT_EQ(json::parse(payload).at("values"), json({{"x", nullptr}, {"y", nullptr}}));
}

TEST(EndRecord, ComesBackWhole) {
  const EndRecord end = {
      .ended = "2026-01-02T03:05:05Z",
      .reason = "finished",
      .workers = {{.info = {.rank = 1, .host = "node1", .device = "cpu", .gpu = "3"},
                   .busy_s = 2.5,
                   .allocated_s = 4,
                   .packs = 3,
                   .trials = 12}}};

  const auto parsed = parse_end(serialize(end));

  EXPECT_EQ(parsed.ended, end.ended);
  EXPECT_EQ(parsed.reason, end.reason);
  ASSERT_EQ(parsed.workers.size(), 1U);
  EXPECT_EQ(parsed.workers[0].info.rank, 1);
  EXPECT_EQ(parsed.workers[0].info.host, "node1");
  EXPECT_EQ(parsed.workers[0].info.device, "cpu");
  EXPECT_EQ(parsed.workers[0].info.gpu, "3");
  EXPECT_EQ(parsed.workers[0].busy_s, 2.5);
  EXPECT_EQ(parsed.workers[0].allocated_s, 4);
  EXPECT_EQ(parsed.workers[0].packs, 3);
  EXPECT_EQ(parsed.workers[0].trials, 12);
}

TEST(EndRecord, OfAnOlderVersionDoesNotTellHowLongAWorkerWasThere) {
  const auto parsed =
      parse_end(R"({"ended":"2026-01-02T03:05:05Z","reason":"finished","workers":[)"
                R"({"rank":1,"host":"node1","device":"cpu","busy_s":2.5,"packs":3,"trials":12}]})");

  ASSERT_EQ(parsed.workers.size(), 1U);
  EXPECT_EQ(parsed.workers[0].busy_s, 2.5);
  EXPECT_TRUE(std::isnan(parsed.workers[0].allocated_s));
}

TEST(ParseTrial, NamesTheMissingField) {
  try {
    parse_trial(R"({"id":"0123456789abcdef"})");
    FAIL() << "the missing field was not noticed";
  } catch (const StorageError& error) {
    EXPECT_STREQ(error.what(), "field 'status' is missing in a trial record");
  }
}

TEST(ParseTrial, RefusesWhatIsNoJson) {
  EXPECT_THROW(parse_trial("{"), StorageError);
}

TEST(ParsePlan, RefusesAxesThatDoNotMakeItsTrials) {
  auto too_few = sample_plan();
  too_few.ids.pop_back();
  auto without_values = sample_plan();
  without_values.axes[0].values.clear();
  auto none = without_values;
  none.ids.clear();

  EXPECT_NO_THROW(parse_plan(serialize(sample_plan())));
  EXPECT_THROW(parse_plan(serialize(too_few)), StorageError);
  EXPECT_THROW(parse_plan(serialize(without_values)), StorageError);
  EXPECT_NO_THROW(parse_plan(serialize(none)));
}

}  // namespace
}  // namespace results
