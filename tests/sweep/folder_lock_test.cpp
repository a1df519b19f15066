#include "sweep/folder_lock.hpp"

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "results/journal.hpp"
#include "tests/temporary_folder.hpp"

namespace sweep {
namespace {

constexpr std::chrono::milliseconds kNoPatience{0};

TEST(FolderLock, RefusesASecondRunAndNamesTheFirst) {
  const TemporaryFolder folder;
  const FolderLock first(folder.path(), kNoPatience);

  try {
    const FolderLock second(folder.path(), kNoPatience);
    FAIL() << "two runs hold one folder";
  } catch (const FolderBusy& busy) {
    EXPECT_NE(std::string(busy.what()).find("process " + std::to_string(getpid())),
              std::string::npos)
        << busy.what();
  }
}

TEST(FolderLock, IsFreeAfterAGoodEnd) {
  const TemporaryFolder folder;
  { const FolderLock first(folder.path(), kNoPatience); }

  const FolderLock second(folder.path(), kNoPatience);

  EXPECT_EQ(second.dead_holder(), "");
}

TEST(FolderLock, WaitsForARunThatIsEnding) {
  const TemporaryFolder folder;
  auto first = std::make_unique<FolderLock>(folder.path(), kNoPatience);
  std::thread ending([&first] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    first.reset();
  });

  EXPECT_NO_THROW(FolderLock(folder.path(), std::chrono::seconds(20)));

  ending.join();
}

TEST(FolderLock, RecognisesARunThatWasKilled) {
  const TemporaryFolder folder;
  const pid_t child = fork();
  if (child == 0) {
    const FolderLock held(folder.path(), kNoPatience);
    raise(SIGKILL);
  }
  waitpid(child, nullptr, 0);

  const FolderLock lock(folder.path(), kNoPatience);

  EXPECT_NE(lock.dead_holder().find("process " + std::to_string(child)), std::string::npos);
}

TEST(FolderLock, DoesNotTrustTheKernelAboutARunOnAnotherHostWhoseHeartBeats) {
  const TemporaryFolder folder;
  const auto file =
      folder.write("lock", R"({"host":"elsewhere","process":1,"since":"x","beats":100})");
  std::atomic<bool> is_alive = true;
  std::thread elsewhere([&] {  // a run on another host, whose lock this kernel does not know
    for (int beats = 100; is_alive; ++beats) {
      std::fstream in_place(file);  // as a run does it: never empty
      in_place << R"({"host":"elsewhere","process":1,"since":"x","beats":)" << beats << "}";
      in_place.close();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });

  EXPECT_THROW(FolderLock(folder.path(), std::chrono::milliseconds(500)), FolderBusy);

  is_alive = false;
  elsewhere.join();
}

TEST(FolderLock, TakesOverFromARunOnAnotherHostWhoseHeartStoodStill) {
  const TemporaryFolder folder;
  folder.write("lock", R"({"host":"elsewhere","process":1,"since":"x","beats":9})");

  const FolderLock lock(folder.path(), std::chrono::milliseconds(300));

  EXPECT_EQ(lock.dead_holder(), "process 1 on elsewhere, since x");
}

TEST(FolderLock, TakesOverAtOnceWhenTold) {
  const TemporaryFolder folder;
  folder.write("lock", R"({"host":"elsewhere","process":1,"since":"x","beats":9})");

  // The patience is beyond the time that a test may take.
  const FolderLock lock(folder.path(), std::chrono::hours(1), TakeOver::at_once);

  EXPECT_EQ(lock.dead_holder(), "process 1 on elsewhere, since x");
}

TEST(FolderLock, IsNeverTakenOverFromARunThatLivesHere) {
  const TemporaryFolder folder;
  const FolderLock first(folder.path(), kNoPatience);
  // Even if its file tells of another host.
  folder.write("lock", R"({"host":"elsewhere","process":1,"since":"x","beats":9})");

  EXPECT_THROW(FolderLock(folder.path(), kNoPatience, TakeOver::at_once), FolderBusy);
}

TEST(FolderLock, EndsTheRunThatWasTakenOverAndKeepsTheLockOfTheOther) {
  const TemporaryFolder folder;
  const std::string other = R"({"host":"elsewhere","process":1,"since":"x","beats":9})";
  {
    FolderLock robbed(folder.path(), kNoPatience);
    folder.write("lock", other);  // as a run on another host does whose kernel knows no lock

    EXPECT_THROW(robbed.beat(), FolderBusy);
  }

  EXPECT_EQ(read_bytes(folder / "lock"), other);
}

TEST(FolderLock, NamesTheSlurmJobThatHoldsIt) {
  const TemporaryFolder folder;
  const FolderLock lock(folder.path(), kNoPatience, TakeOver::when_silent, "4711");

  EXPECT_NE(describe_holder(folder.path()).find(" of Slurm job 4711 on "), std::string::npos)
      << describe_holder(folder.path());
}

TEST(FolderLock, IsNotWaitedForByARunThatShouldStop) {
  const TemporaryFolder folder;
  const FolderLock first(folder.path(), kNoPatience);

  // The patience is beyond the time that a test may take.
  EXPECT_THROW(FolderLock(folder.path(), std::chrono::hours(1), TakeOver::when_silent, "",
                          [] { return true; }),
               FolderBusy);
}

TEST(FolderLock, NamesAFolderThatCannotBeWritten) {
  EXPECT_THROW(FolderLock("/nowhere/at/all", kNoPatience), results::StorageError);
}

TEST(IsLocked, TellsARunFromAnEmptyFolder) {
  const TemporaryFolder folder;
  EXPECT_FALSE(is_locked(folder.path()));

  const FolderLock lock(folder.path(), kNoPatience);

  EXPECT_TRUE(is_locked(folder.path()));
}

}  // namespace
}  // namespace sweep
