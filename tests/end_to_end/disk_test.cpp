/// `mpisweep run` on disks that fail: each fault is caused for real, or as close as a test can.
#include <cerrno>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/end_to_end/mounts.hpp"
#include "tests/end_to_end/scripted_sweep.hpp"
#include "tests/end_to_end/sweep_folder.hpp"

namespace end_to_end {
namespace {

namespace fs = std::filesystem;

/// A sweep of 24 short trials, and how it ends undisturbed.
class Disk : public testing::Test {
 protected:
  /// Starts a run and waits until it has recorded something.
  Program start(std::vector<std::string> prefix = {}) {
    const auto run_command = sweep_.run_command({"--ranks", "2"});
    prefix.insert(prefix.end(), run_command.begin(), run_command.end());
    return Program(prefix);
  }

  bool has_recorded() const {
    return wait_until([this] { return fs::exists(out_ / "status.json") && num_recorded() > 0; });
  }

  std::size_t num_recorded() const { return sweep_.num_recorded(); }

  /// The same command, on a disk that is well again: all is there, nothing is trained twice.
  void expect_continues() {
    const auto ended = run(sweep_.run_command({"--ranks", "2"}));
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    EXPECT_EQ(num_recorded(), 24U);
    ASSERT_EQ(run(sweep_.run_command({"--ranks", "2"}, "undisturbed")).exit_code, 0);
    EXPECT_EQ(sweep_.data(), sweep_.data("undisturbed"));
  }

  SweepFolder sweep_{scripted("{sleep_ms: 60}")};
  fs::path out_ = sweep_.output();
};

/// It was told once, and nobody tried again on the same disk.
void expect_ended_by(const Ended& ended, const std::string& reason) {
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_TRUE(contains(ended.err, reason)) << ended.err;
  EXPECT_FALSE(contains(ended.err, "starting it again")) << ended.err;
}

/// Takes all the room that a file system has left.
void fill(const fs::path& ballast) {
  std::ofstream file(ballast, std::ios::binary);
  while (file)
    file << std::string(4096, 'x') << std::flush;
}

TEST_F(Disk, ThatIsFullEndsTheRunWhichContinuesWhenThereIsRoom) {
  if (const auto reason = enter_own_mounts(); !reason.empty()) GTEST_SKIP() << "mount: " << reason;
  create_directory(out_);
  const auto disk = Mount::small(out_, 1 << 20);
  auto victim = start();
  ASSERT_TRUE(has_recorded());

  fill(out_ / "ballast");
  const auto ended = victim.wait();

  expect_ended_by(ended, "cannot write to " + (out_ / "journal").string() +
                             " (No space left on device), free space, then the same command "
                             "continues");
  EXPECT_LT(num_recorded(), 24U);
  fs::remove(out_ / "ballast");
  expect_continues();
}

TEST_F(Disk, ThatIsFullFromTheStartIsToldAndLeavesAFolderThatContinues) {
  if (const auto reason = enter_own_mounts(); !reason.empty()) GTEST_SKIP() << "mount: " << reason;
  create_directory(out_);
  const auto disk = Mount::small(out_, 1 << 20);
  fill(out_ / "ballast");

  const auto ended = run(sweep_.run_command({"--ranks", "2"}));

  expect_ended_by(ended, "(No space left on device), free space");
  fs::remove(out_ / "ballast");
  expect_continues();
}

TEST_F(Disk, ThatHasRoomForTheJournalAloneCostsNoTrial) {
  if (const auto reason = enter_own_mounts(); !reason.empty()) GTEST_SKIP() << "mount: " << reason;
  create_directory(out_);
  const auto disk = Mount::small(out_, 1 << 20);
  fill(out_ / "ballast");
  fs::resize_file(out_ / "ballast", fs::file_size(out_ / "ballast") - 40'960);

  const auto ended = run(sweep_.run_command({"--ranks", "2"}));

  expect_ended_by(ended, "cannot write " + (out_ / "results.h5").string());
  EXPECT_TRUE(contains(ended.err, "the journal has every result")) << ended.err;
  EXPECT_EQ(num_recorded(), 24U);
  fs::remove(out_ / "ballast");
  expect_continues();
  EXPECT_TRUE(fs::exists(out_ / "results.h5"));
}

TEST_F(Disk, WithALimitOnFileSizesEndsTheRunWhichContinuesWithout) {
  auto victim = start();
  ASSERT_TRUE(has_recorded());
  const auto rank_0 = nlohmann::json::parse(read_bytes(out_ / "lock"))["process"].get<pid_t>();
  const auto most_bytes = fs::file_size(out_ / "journal") + 500;

  const rlimit limit = {.rlim_cur = most_bytes, .rlim_max = most_bytes};
  ASSERT_EQ(prlimit(rank_0, RLIMIT_FSIZE, &limit, nullptr), 0);
  const auto ended = victim.wait();

  expect_ended_by(ended, (out_ / "journal").string() + " (File too large), raise the limit");
  EXPECT_LE(fs::file_size(out_ / "journal"), most_bytes);
  expect_continues();
}

TEST_F(Disk, ThatIsReadOnlyIsNamedAndTouchedByNothing) {
  if (const auto reason = enter_own_mounts(); !reason.empty()) GTEST_SKIP() << "mount: " << reason;
  ASSERT_EQ(run(sweep_.run_command({"--ranks", "2"})).exit_code, 0);
  const auto disk = Mount::read_only(out_);

  const auto ended = run(sweep_.run_command({"--ranks", "2"}));

  expect_ended_by(ended,
                  "cannot write " + (out_ / "lock").string() +
                      " (Read-only file system), make it writable, or choose another folder");
  EXPECT_EQ(run({MPISWEEP, "status", out_}).exit_code, 0);
  EXPECT_EQ(run({MPISWEEP, "show", out_}).exit_code, 0);
  EXPECT_EQ(run({MPISWEEP, "check", out_}).exit_code, 0);
}

TEST_F(Disk, FromWhichTheFolderIsRemovedEndsTheRun) {
  auto victim = start();
  ASSERT_TRUE(has_recorded());

  while (fs::exists(out_)) {  // status.json may come into being between two steps
    std::error_code ignored;
    fs::remove_all(out_, ignored);
  }
  const auto ended = victim.wait();

  expect_ended_by(ended, (out_ / "journal").string() + " is no longer there");
  EXPECT_FALSE(fs::exists(out_));
  expect_continues();
}

TEST_F(Disk, OnWhichTheFolderIsRenamedEndsTheRunWhichContinuesOnceItIsBack) {
  auto victim = start();
  ASSERT_TRUE(has_recorded());

  fs::rename(out_, sweep_.output("elsewhere"));
  const auto ended = victim.wait();

  expect_ended_by(ended, (out_ / "journal").string() + " is no longer there");
  EXPECT_GT(sweep_.num_recorded("elsewhere"), 0U);
  fs::rename(sweep_.output("elsewhere"), out_);
  expect_continues();
}

struct Fault {
  std::string name = {};
  std::string call = {};
  std::string path = {};
  int error = 0;
  std::string reason = {};  ///< as people are told
};

// NOLINTNEXTLINE(readability-identifier-naming): the name that GoogleTest looks for
void PrintTo(const Fault& fault, std::ostream* out) {
  *out << fault.name;
}

std::vector<std::string> with_fault(const Fault& fault, const fs::path& flag) {
  return {"env",
          "LD_PRELOAD=" FAILING_CALLS,
          "FAIL_CALL=" + fault.call,
          "FAIL_PATH=" + fault.path,
          "FAIL_ERROR=" + std::to_string(fault.error),
          "FAIL_WHILE=" + flag.string()};
}

class JournalFaultTest : public Disk, public testing::WithParamInterface<Fault> {};

TEST_P(JournalFaultTest, EndsTheRunWhichContinuesLater) {
  const fs::path flag = sweep_.output("flag");
  auto victim = start(with_fault(GetParam(), flag));
  ASSERT_TRUE(has_recorded());

  std::ofstream(flag).close();
  const auto ended = victim.wait();

  expect_ended_by(ended, (out_ / "journal").string() + GetParam().reason);
  expect_continues();
}

INSTANTIATE_TEST_SUITE_P(
    Disk, JournalFaultTest,
    testing::Values(Fault{"no_space", "write", "/journal", ENOSPC,
                          " (No space left on device), free space, then the same command"},
                    Fault{"quota", "write", "/journal", EDQUOT,
                          " (Disk quota exceeded), free space or ask for more, then"},
                    Fault{"write_error", "write", "/journal", EIO,
                          " (Input/output error), check the disk, then the same command"},
                    Fault{"sync_error", "fsync", "/journal", EIO,
                          " (Input/output error), check the disk, then the same command"}),
    [](const auto& test) { return test.param.name; });

class ViewFaultTest : public Disk, public testing::WithParamInterface<Fault> {};

TEST_P(ViewFaultTest, CostsNoTrialAndIsToldAtTheEnd) {
  const fs::path flag = sweep_.output("flag");
  std::ofstream(flag).close();

  const auto ended = start(with_fault(GetParam(), flag)).wait();

  expect_ended_by(ended, GetParam().reason);
  EXPECT_TRUE(contains(ended.err, "the journal has every result")) << ended.err;
  EXPECT_TRUE(contains(ended.out, "width  learning_rate  score")) << ended.out;
  EXPECT_EQ(num_recorded(), 24U);
  expect_continues();
  EXPECT_TRUE(fs::exists(out_ / "results.h5"));
  EXPECT_TRUE(contains(read_bytes(out_ / "status.json"), R"("state": "finished")"));
  EXPECT_FALSE(fs::exists(out_ / "status.json.new"));
}

INSTANTIATE_TEST_SUITE_P(
    Disk, ViewFaultTest,
    testing::Values(Fault{"results_no_space", "write", "/results.h5", ENOSPC, "No space left"},
                    Fault{"results_sync_error", "fsync", "/results.h5", EIO, "Input/output error"},
                    Fault{"status_quota", "write", "/status.json", EDQUOT, "quota exceeded"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace end_to_end
