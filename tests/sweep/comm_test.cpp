#include "sweep/comm.hpp"

#include <set>
#include <thread>

#include <gtest/gtest.h>

namespace sweep {
namespace {

/// Receives without spinning until `count` messages are there.
std::vector<Envelope> receive_all(Communicator& world, std::size_t count) {
  std::vector<Envelope> received;
  while (received.size() < count) {
    if (auto envelope = world.receive()) {
      received.push_back(std::move(*envelope));
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  return received;
}

TEST(Communicator, KnowsItsPlaceAmongTheRanks) {
  const Communicator world(MPI_COMM_WORLD);

  EXPECT_GE(world.rank(), 0);
  EXPECT_LT(world.rank(), world.size());
  EXPECT_EQ(world.max_over_ranks(world.rank()), world.size() - 1);
}

TEST(Communicator, DeliversToEveryRankWhatRankZeroPosts) {
  Communicator world(MPI_COMM_WORLD);

  if (world.rank() == 0) {
    for (int rank = 0; rank < world.size(); ++rank)
      world.post(rank, "for " + std::to_string(rank));
  }
  const auto received = receive_all(world, 1);

  EXPECT_EQ(received[0].rank, 0);
  EXPECT_EQ(received[0].text, "for " + std::to_string(world.rank()));
  world.flush();
}

TEST(Communicator, KeepsTheOrderOfOneRanksMessages) {
  Communicator world(MPI_COMM_WORLD);
  constexpr int kCount = 100;

  for (int i = 0; i < kCount; ++i)
    world.post(0, std::to_string(i));
  if (world.rank() == 0) {
    std::vector<int> next(static_cast<std::size_t>(world.size()), 0);
    for (const auto& [rank, text] :
         receive_all(world, static_cast<std::size_t>(kCount * world.size()))) {
      EXPECT_EQ(text, std::to_string(next[static_cast<std::size_t>(rank)]++));
    }
  }
  world.flush();
}

TEST(Communicator, DoesNotBlockWhenBothSidesPostLargeMessages) {
  Communicator world(MPI_COMM_WORLD);
  const int other = world.size() - 1 - world.rank();
  const std::string large(10'000'000, 'x');

  world.post(other, large);
  const auto received = receive_all(world, 1);

  EXPECT_EQ(received[0].text, large);
  world.flush();
}

TEST(Communicator, GathersWhatEachRankSaysOnRankZero) {
  const Communicator world(MPI_COMM_WORLD);

  const auto texts = world.gather(std::string(static_cast<std::size_t>(world.rank()), 'x'));

  if (world.rank() != 0) {
    EXPECT_TRUE(texts.empty());
    return;
  }
  ASSERT_EQ(std::ssize(texts), world.size());
  for (std::size_t rank = 0; rank < texts.size(); ++rank)
    EXPECT_EQ(texts[rank], std::string(rank, 'x'));
}

TEST(CheckMpi, NamesTheCallAndTheReason) {
  try {
    check_mpi(MPI_ERR_RANK, "MPI_Send");
    FAIL() << "no error";
  } catch (const MpiError& error) {
    EXPECT_EQ(std::string(error.what()).find("MPI_Send failed ("), 0U) << error.what();
  }
}

}  // namespace
}  // namespace sweep

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const sweep::MpiSession session;
  const int result = RUN_ALL_TESTS();
  return sweep::Communicator(MPI_COMM_WORLD).max_over_ranks(result);
}
