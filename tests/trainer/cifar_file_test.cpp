#include "trainer/datasets/cifar_file.hpp"

#include <cmath>
#include <cstdlib>
#include <functional>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "tests/temporary_folder.hpp"
#include "tests/trainer/cifar_writer.hpp"

namespace trainer {
namespace {

using Sizes = std::vector<std::int64_t>;
using Bytes = std::vector<std::uint8_t>;

const std::string kRed(1024, 'r');
const std::string kGreen(1024, 'g');
const std::string kBlue(1024, 'b');
const std::string kPixels = kRed + kGreen + kBlue;

std::string error_of(const std::filesystem::path& path, CifarForm form) {
  try {
    read_cifar({path}, form);
  } catch (const DataFileError& error) {
    return error.what();
  }
  return "no error";
}

/// What is said of a file with this content, without its path in front.
std::string problem_of(const std::string& text, CifarForm form) {
  const TemporaryFolder folder;
  const auto path = folder.write("file", text);
  const auto error = error_of(path, form);
  const auto prefix = path.string() + " ";
  return error.starts_with(prefix) ? error.substr(prefix.size()) : error;
}

TEST(ReadCifar, ReadsLabelsAndPixelsChannelByChannel) {
  const TemporaryFolder folder;
  const auto path =
      folder.write("batch", cifar_record({7}, kPixels) + cifar_record({0}, kBlue + kRed + kGreen));

  const auto images = read_cifar({path}, CifarForm::cifar10);

  EXPECT_EQ(images.labels, (Bytes{7, 0}));
  EXPECT_EQ(images.images.sizes, (Sizes{2, 3, 32, 32}));
  const auto expected = kPixels + kBlue + kRed + kGreen;
  EXPECT_EQ(images.images.bytes, Bytes(expected.begin(), expected.end()));
}

TEST(ReadCifar, TakesTheFineLabelOfCifar100) {
  const TemporaryFolder folder;
  const auto path = folder.write("train", cifar_record({19, 99}, kPixels));

  EXPECT_EQ(read_cifar({path}, CifarForm::cifar100).labels, (Bytes{99}));
}

TEST(ReadCifar, PutsFilesOneAfterTheOther) {
  const TemporaryFolder folder;
  const auto first = folder.write("1", cifar_record({4}, kPixels) + cifar_record({5}, kPixels));
  const auto second = folder.write("2", cifar_record({6}, kPixels));

  const auto images = read_cifar({first, second}, CifarForm::cifar10);

  EXPECT_EQ(images.labels, (Bytes{4, 5, 6}));
  EXPECT_EQ(images.images.sizes, (Sizes{3, 3, 32, 32}));
}

TEST(ReadCifar, RefusesWhatIsNoRowOfRecords) {
  EXPECT_EQ(problem_of("", CifarForm::cifar10), "is empty");
  EXPECT_EQ(problem_of(cifar_record({1}, kPixels) + "x", CifarForm::cifar10),
            "has 3074 bytes, no multiple of 3073 (one record)");
  EXPECT_EQ(problem_of(cifar_record({1}, kPixels), CifarForm::cifar100),
            "has 3073 bytes, no multiple of 3074 (one record)");
}

TEST(ReadCifar, RefusesLabelsOutOfRange) {
  const auto good = cifar_record({9}, kPixels);
  EXPECT_EQ(problem_of(good + cifar_record({10}, kPixels), CifarForm::cifar10),
            "has label 10 in record 1 (want 0 to 9)");
  EXPECT_EQ(problem_of(cifar_record({0, 100}, kPixels), CifarForm::cifar100),
            "has fine label 100 in record 0 (want 0 to 99)");
  EXPECT_EQ(problem_of(cifar_record({20, 0}, kPixels), CifarForm::cifar100),
            "has coarse label 20 in record 0 (want 0 to 19)");
  EXPECT_EQ(problem_of(cifar_record({255}, kPixels), CifarForm::cifar10),
            "has label 255 in record 0 (want 0 to 9)");
}

TEST(ReadCifar, NamesAFileThatIsMissingOrNoFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of(folder / "batch", CifarForm::cifar10),
            (folder / "batch").string() + " cannot be opened (No such file or directory)");
  EXPECT_NE(error_of(folder.path(), CifarForm::cifar10).find(folder.path().string()),
            std::string::npos);
}

TEST(ReadCifar, TakesNoMemoryForAFileThatIsRefusedForItsSize) {
  const auto peak_kb = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const TemporaryFolder folder;
  const auto path = folder.write("holes", "");
  std::filesystem::resize_file(path, 3073ULL << 30);  // takes no room on the disk
  const auto before = peak_kb();

  EXPECT_NE(error_of(path, CifarForm::cifar10).find("is too large"), std::string::npos);

  EXPECT_LT(peak_kb() - before, 100'000);
}

// Expected: facts of the sample, which was made from JPEG copies of CIFAR-10.
class CifarSample : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("MPISWEEP_DATA");
    root_ = std::filesystem::path(data == nullptr ? DATA_FOLDER : data) / "cifar10_sample";
    const auto file = root_ / "data_batch_1.bin";
    if (!std::filesystem::exists(file)) GTEST_SKIP() << "needs " << file;
  }

  void read(const char* name) { images_ = read_cifar({root_ / name}, CifarForm::cifar10); }

  std::vector<int> class_counts() const {
    std::vector<int> counts(10);
    for (const auto label : images_.labels)
      ++counts.at(label);
    return counts;
  }

  Bytes first_labels() const { return {images_.labels.begin(), images_.labels.begin() + 12}; }

  Bytes first_pixel() const {
    const auto& bytes = images_.images.bytes;
    return {bytes[0], bytes[1024], bytes[2048]};
  }

  /// Of each channel, of bytes / 255.
  void expect_moments(const std::vector<double>& means,
                      const std::vector<double>& deviations) const {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      double sum = 0;
      double sum_of_squares = 0;
      for (std::size_t i = 0; i < images_.labels.size() * 1024; ++i) {
        const double value =
            images_.images.bytes[(i / 1024 * 3 + channel) * 1024 + i % 1024] / 255.;
        sum += value;
        sum_of_squares += value * value;
      }
      const auto count = static_cast<double>(images_.labels.size() * 1024);
      const auto mean = sum / count;
      EXPECT_NEAR(mean, means[channel], 5e-4);
      EXPECT_NEAR(std::sqrt(sum_of_squares / count - mean * mean), deviations[channel], 5e-4);
    }
  }

  std::filesystem::path root_ = {};
  LabelledImages images_ = {};
};

TEST_F(CifarSample, HasItsTrainingImages) {
  read("data_batch_1.bin");

  EXPECT_EQ(class_counts(),
            (std::vector<int>{986, 949, 1026, 998, 986, 952, 1049, 1032, 1007, 1015}));
  EXPECT_EQ(first_labels(), (Bytes{1, 1, 6, 0, 4, 7, 2, 8, 0, 1, 2, 7}));
  EXPECT_EQ(first_pixel(), (Bytes{234, 230, 247}));
  expect_moments({.4931, .4841, .4475}, {.2447, .2428, .2608});
}

TEST_F(CifarSample, HasItsTestImages) {
  read("test_batch.bin");

  EXPECT_EQ(class_counts(), (std::vector<int>{206, 200, 188, 214, 203, 171, 206, 181, 232, 199}));
  EXPECT_EQ(first_labels(), (Bytes{9, 3, 7, 0, 9, 7, 7, 9, 6, 5, 4, 5}));
  EXPECT_EQ(first_pixel(), (Bytes{58, 58, 50}));
  expect_moments({.4928, .4860, .4540}, {.2439, .2418, .2600});
}

}  // namespace
}  // namespace trainer
