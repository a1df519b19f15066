#include "results/export.hpp"

#include <sstream>

#include <gtest/gtest.h>

namespace results {
namespace {

using nlohmann::json;
using protocol::Outcome;

/// Three trials: one finished, one failed, one waits.
SweepResults sample_sweep() {
  const PlanRecord plan = {
      .name = "small",
      .axes = {{.name = "loss", .values = {"soft, hard", "say \"hi\"", "plain"}}},
      .ids = {1, 2, 3},
      .variables = {{"accuracy", {}}, {"curve", {.dims = {"epoch"}}}, {"never", {}}}};
  SweepResults sweep;
  apply(sweep, RecordType::plan, serialize(plan));
  apply(sweep, RecordType::trial,
        serialize(TrialRecord{.id = 1,
                              .attempts = 2,
                              .elapsed_s = 0.5,
                              .rank = 3,
                              .device = "cpu",
                              .values = {{"accuracy", 0.1}, {"curve", {1.5, nullptr}}}}));
  apply(sweep, RecordType::trial,
        serialize(TrialRecord{
            .id = 2, .status = Outcome::failed, .error = "first\nsecond", .device = "cpu"}));
  return sweep;
}

TEST(ExportCsv, WritesOneLinePerTrial) {
  std::ostringstream out;

  export_csv(sample_sweep(), out);

  EXPECT_EQ(out.str(),
            "trial,loss,status,error,attempts,elapsed_s,rank,device,accuracy,never\n"
            "0000000000000001,\"soft, hard\",finished,,2,0.5,3,cpu,0.1,\n"
            "0000000000000002,\"say \"\"hi\"\"\",failed,\"first\nsecond\",1,0.0,0,cpu,,\n"
            "0000000000000003,plain,pending,,0,,,,,\n");
}

TEST(ExportJson, HoldsEverythingKnownOfATrial) {
  std::ostringstream out;

  export_json(sample_sweep(), out);

  const auto trials = json::parse(out.str());
  ASSERT_EQ(trials.size(), 3U);
  EXPECT_EQ(trials[0], json::parse(R"({"trial":"0000000000000001","status":"finished","error":"",
      "axes":{"loss":"soft, hard"},"attempts":2,"elapsed_s":0.5,"rank":3,"device":"cpu",
      "values":{"accuracy":0.1,"curve":[1.5,null]}})"));
  EXPECT_EQ(trials[1]["error"], "first\nsecond");
  EXPECT_EQ(trials[1]["values"], json::parse(R"({"accuracy":null,"curve":null})"));
  EXPECT_EQ(trials[2], json::parse(R"({"trial":"0000000000000003","status":"pending",
      "axes":{"loss":"plain"}})"));
}

}  // namespace
}  // namespace results
