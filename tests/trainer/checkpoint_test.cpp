#include "trainer/checkpoint.hpp"

#include <limits>

#include <gtest/gtest.h>

#include "protocol/file.hpp"
#include "tests/results/file_size_limit.hpp"
#include "tests/temporary_folder.hpp"

namespace trainer {
namespace {

Checkpoint sample() {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return {.identity = "linear soft",
          .ids = {"a", "b"},
          .next_batch = 3,
          .elapsed_s = 0.1,
          .tensors = {
              {"theta", torch::tensor({0.1F, -0.0F, kInfinity, 1e-45F, 2.0F, 3e38F}).view({2, 3})},
              {"loss", torch::tensor({0.1, 1.0 / 3.0}, torch::kDouble).view({2, 1})},
              {"is_finite", torch::tensor({1, 0}, torch::kInt).to(torch::kBool)},
              {"steps", torch::tensor({7, 8}, torch::kLong)}}};
}

bool has_same_bits(const torch::Tensor& a, const torch::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() &&
         std::memcmp(a.const_data_ptr(), b.const_data_ptr(), a.nbytes()) == 0;
}

TEST(Checkpoint, ComesBackBitForBit) {
  const TemporaryFolder folder;
  const auto written = sample();

  write_checkpoint(folder / "pack", written);
  const auto read = read_checkpoint(folder / "pack");

  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->identity, written.identity);
  EXPECT_EQ(read->ids, written.ids);
  EXPECT_EQ(read->next_batch, 3);
  EXPECT_EQ(read->elapsed_s, 0.1);
  ASSERT_EQ(read->tensors.size(), written.tensors.size());
  for (const auto& [name, tensor] : written.tensors)
    EXPECT_TRUE(has_same_bits(read->tensors.at(name), tensor)) << name;
}

TEST(Checkpoint, LeavesNothingButItsFile) {
  const TemporaryFolder folder;

  write_checkpoint(folder / "pack", sample());
  write_checkpoint(folder / "pack", sample());

  const std::filesystem::directory_iterator files(folder.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST(Checkpoint, IsNothingWhereThereIsNoFile) {
  const TemporaryFolder folder;

  EXPECT_FALSE(read_checkpoint(folder / "pack").has_value());
}

TEST(Checkpoint, RefusesAFileThatIsCutAnywhere) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "pack", sample());
  const auto bytes = read_bytes(folder / "pack");

  for (std::size_t length = 0; length < bytes.size(); ++length) {
    write_bytes(folder / "pack", bytes.substr(0, length));
    EXPECT_THROW(read_checkpoint(folder / "pack"), CheckpointError) << length << " bytes";
  }
}

TEST(Checkpoint, RefusesAFileWithAnyByteChanged) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "pack", sample());
  const auto bytes = read_bytes(folder / "pack");

  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto damaged = bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    write_bytes(folder / "pack", damaged);
    EXPECT_THROW(read_checkpoint(folder / "pack"), CheckpointError) << "byte " << i;
  }
}

TEST(Checkpoint, KeepsTheFormerFileWhenTheDiskIsFull) {
  const TemporaryFolder folder;
  write_checkpoint(folder / "pack", sample());
  auto larger = sample();
  larger.tensors["theta"] = torch::zeros({2, 10'000});

  {
    const results::FileSizeLimit limit(4'096);
    EXPECT_THROW(write_checkpoint(folder / "pack", larger), protocol::StorageError);
  }

  EXPECT_TRUE(has_same_bits(read_checkpoint(folder / "pack")->tensors.at("theta"),
                            sample().tensors.at("theta")));
  const std::filesystem::directory_iterator files(folder.path());
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
}

TEST(Select, TakesTheRowsOfItsTrials) {
  const auto selected = select(sample(), {"b"});

  EXPECT_EQ(selected.ids, std::vector<std::string>{"b"});
  EXPECT_EQ(selected.next_batch, 3);
  EXPECT_TRUE(has_same_bits(selected.tensors.at("steps"), torch::tensor({8}, torch::kLong)));
  EXPECT_TRUE(has_same_bits(select(sample(), {"b", "a"}).tensors.at("steps"),
                            torch::tensor({8, 7}, torch::kLong)));
}

TEST(Select, RefusesATrialThatIsNotThere) {
  EXPECT_THROW(select(sample(), {"a", "c"}), CheckpointError);
}

}  // namespace
}  // namespace trainer
