#include "results/hdf5_file.hpp"

#include <gtest/gtest.h>

#include "results/file.hpp"

namespace results {
namespace {

/// The error that `act` gives; empty if it gives none.
template <class Act>
std::string complaint(const Act& act) {
  try {
    act();
  } catch (const StorageError& error) {
    return error.what();
  }
  return {};
}

/// Asks for a name that is taken.
void add_a_name_twice() {
  Hdf5File file;
  file.root().add_dimension({.name = "x"}, std::vector<std::int64_t>{0, 1});
  file.root().add_dimension({.name = "x"}, std::vector<std::int64_t>{0, 1});
}

TEST(Hdf5File, NamesTheCallAndTheReasonOfAFailure) {
  const auto text = complaint(add_a_name_twice);

  EXPECT_NE(text.find("H5Dcreate: "), std::string::npos) << text;
  EXPECT_NE(text.find("name already exists"), std::string::npos) << text;
}

TEST(Hdf5File, PrintsNothingItself) {
  testing::internal::CaptureStderr();

  complaint(add_a_name_twice);

  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Hdf5File, BeginsWithTheSignatureOfTheFormat) {
  Hdf5File file;
  file.root().put_attribute("name", "value");

  EXPECT_EQ(file.image().substr(0, 8), "\x89HDF\r\n\x1a\n");
}

TEST(Hdf5Array, TakesWholeChunksOfAboutAQuarterMegabyte) {
  Hdf5File file;
  file.root().add_dimension({.name = "row"}, std::vector<std::int64_t>(100'000));
  file.root().add_dimension({.name = "column"}, std::vector<std::int64_t>(32));
  const std::vector<std::string> dims = {"row", "column"};

  const auto array = file.root().add_array({.name = "values"}, dims);

  EXPECT_EQ(array.numbers_per_row(), 32U);
  EXPECT_EQ(array.rows_per_block(), 1024U);  // 1024 rows x 32 numbers x 8 bytes = 256 KB
}

TEST(Hdf5Array, HasAtLeastOneRowPerBlockAndAtMostAll) {
  Hdf5File file;
  file.root().add_dimension({.name = "row"}, std::vector<std::int64_t>(3));
  file.root().add_dimension({.name = "wide"}, std::vector<std::int64_t>(100'000));
  file.root().add_dimension({.name = "narrow"}, std::vector<std::int64_t>(1));
  const std::vector<std::string> wide = {"row", "wide"};
  const std::vector<std::string> narrow = {"row", "narrow"};

  EXPECT_EQ(file.root().add_array({.name = "w"}, wide).rows_per_block(), 1U);
  EXPECT_EQ(file.root().add_array({.name = "n"}, narrow).rows_per_block(), 3U);
}

TEST(Hdf5Version, IsThreeNumbers) {
  int major = 0;
  int minor = 0;
  int release = 0;

  EXPECT_EQ(std::sscanf(hdf5_version().c_str(), "%d.%d.%d", &major, &minor, &release), 3);
  EXPECT_GE(major, 1);
}

}  // namespace
}  // namespace results
