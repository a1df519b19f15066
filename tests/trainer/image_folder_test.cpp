#include "trainer/datasets/image_folder.hpp"

#include <cstdlib>
#include <numeric>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include "tests/temporary_folder.hpp"
#include "tests/trainer/cifar_writer.hpp"
#include "trainer/datasets/idx_file.hpp"

namespace trainer {
namespace {

using Sizes = std::vector<std::int64_t>;
using Bytes = std::vector<std::uint8_t>;

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const DataFileError& error) {
    return error.what();
  }
  return "no error";
}

std::string error_of_reading(const std::string& text) {
  const TemporaryFolder folder;
  const auto path = folder.write("file", text);
  return error_of([&] { read_idx(path); });
}

TEST(ReadIdx, ReadsSizesAndBytes) {
  const TemporaryFolder folder;
  const auto path = folder.write("images", idx_text({2, 1, 3}, "abcdef"));

  const auto array = read_idx(path);

  EXPECT_EQ(array.sizes, (Sizes{2, 1, 3}));
  EXPECT_EQ(array.bytes, (Bytes{'a', 'b', 'c', 'd', 'e', 'f'}));
}

TEST(ReadIdx, ReadsWhatGzipCompressed) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "labels.gz";
  const auto text = idx_text({3}, "xyz");
  auto* file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);

  EXPECT_EQ(read_idx(path).bytes, (Bytes{'x', 'y', 'z'}));
}

TEST(ReadIdx, RefusesWhatIsNoIdxFile) {
  EXPECT_NE(error_of_reading("PNG, surely").find("magic"), std::string::npos);
  EXPECT_NE(error_of_reading(std::string("\0\0\x0d\x01", 4)).find("unsigned bytes"),
            std::string::npos);  // 0x0d: floats
}

TEST(ReadIdx, RefusesTooFewAndTooManyBytes) {
  EXPECT_NE(error_of_reading(idx_text({4}, "abc")).find("truncated"), std::string::npos);
  EXPECT_NE(error_of_reading(idx_text({4}, "").substr(0, 6)).find("truncated"), std::string::npos);
  EXPECT_NE(error_of_reading(idx_text({2}, "abc")).find("more bytes"), std::string::npos);
  EXPECT_NE(error_of_reading(idx_text({~0U, ~0U, ~0U}, "abc")).find("impossible"),
            std::string::npos);
}

TEST(ReadIdx, TakesNoMemoryForBytesThatAreNotThere) {
  const auto peak_kb = [] {
    rusage usage = {};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
  };
  const auto before = peak_kb();

  EXPECT_NE(error_of_reading(idx_text({65535, 65535}, "abc")).find("truncated"),
            std::string::npos);  // 4 GB, it says

  EXPECT_LT(peak_kb() - before, 100'000);
}

TEST(ReadIdx, RefusesACutGzipFile) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "labels.gz";
  const auto text = idx_text({1000}, std::string(1000, 'x'));
  auto* file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 10);

  EXPECT_NE(error_of([&] { read_idx(path); }).find(path.string()), std::string::npos);
}

TEST(ImageFolder, SaysWhichFileIsMissing) {
  const TemporaryFolder folder;
  write_image_folder(folder.path(), 4, 2, 2);
  std::filesystem::remove(folder.path() / "t10k-labels-idx1-ubyte");

  const auto error = error_of([&] { read_image_folder(folder.path()); });

  EXPECT_EQ(error, (folder.path() / "t10k-labels-idx1-ubyte[.gz]").string() + " does not exist");
}

TEST(ImageFolder, RefusesLabelsThatDoNotMatchTheImages) {
  const TemporaryFolder folder;
  write_image_folder(folder.path(), 4, 2, 2);
  folder.write("train-labels-idx1-ubyte", idx_text({3}, "abc"));

  const auto error = error_of([&] { read_image_folder(folder.path()); });

  EXPECT_NE(error.find("4 train images but 3 labels"), std::string::npos) << error;
}

TEST(ImageFolder, RefusesColourImages) {
  const TemporaryFolder folder;
  write_image_folder(folder.path(), 4, 2, 2);
  folder.write("train-images-idx3-ubyte", idx_text({4, 1, 1, 3}, std::string(12, 'x')));

  const auto error = error_of([&] { read_image_folder(folder.path()); });

  EXPECT_NE(error.find("grey images only"), std::string::npos) << error;
}

TEST(ImageFolder, HasAFingerprintThatChangesWithAnyLabelOrPixel) {
  const TemporaryFolder folder;
  const TemporaryFolder same;
  const TemporaryFolder other_label;
  for (const auto* each : {&folder, &same, &other_label})
    write_image_folder(each->path(), 4, 2, 2);
  other_label.write("t10k-labels-idx1-ubyte", idx_text({4}, std::string("\0\1\0\0", 4)));

  const auto fingerprint = read_image_folder(folder.path())->fingerprint;

  EXPECT_EQ(fingerprint.size(), 16U);
  EXPECT_EQ(fingerprint, read_image_folder(same.path())->fingerprint);
  EXPECT_NE(fingerprint, read_image_folder(other_label.path())->fingerprint);
}

TEST(ImageFolder, ReadsTheFiveBatchesOfCifar10OrTheFirstAlone) {
  const TemporaryFolder sample;
  const TemporaryFolder whole;
  write_cifar10_folder(sample.path(), 10);
  write_cifar10_folder(whole.path(), 10);
  for (const int batch : {2, 3, 4, 5})
    whole.write("data_batch_" + std::to_string(batch) + ".bin",
                cifar_record({batch}, std::string(3072, 'x')));

  EXPECT_EQ(read_image_folder(sample.path(), ImageFormat::cifar10)->train.labels,
            (Bytes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(read_image_folder(whole.path(), ImageFormat::cifar10)->train.labels,
            (Bytes{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5}));
}

TEST(ImageFolder, RefusesABatchOfCifar10MissingBetweenOthers) {
  const TemporaryFolder folder;
  write_cifar10_folder(folder.path(), 10);
  folder.write("data_batch_3.bin", cifar_record({3}, std::string(3072, 'x')));

  const auto error = error_of([&] { read_image_folder(folder.path(), ImageFormat::cifar10); });

  EXPECT_EQ(error, (folder.path() / "data_batch_2.bin").string() + " does not exist");
}

TEST(ImageFolder, ReadsTheFineClassesOfCifar100) {
  const TemporaryFolder folder;
  write_cifar100_folder(folder.path());

  const auto images = read_image_folder(folder.path(), ImageFormat::cifar100);

  Bytes all_classes(100);
  std::iota(all_classes.begin(), all_classes.end(), 0);
  EXPECT_EQ(images->train.labels, all_classes);
  EXPECT_EQ(images->test.labels, all_classes);
}

TEST(ImageFolder, SaysWhichFileOfCifarIsMissing) {
  const TemporaryFolder folder;

  EXPECT_EQ(error_of([&] { read_image_folder(folder.path(), ImageFormat::cifar10); }),
            (folder.path() / "data_batch_1.bin").string() + " does not exist");
  EXPECT_EQ(error_of([&] { read_image_folder(folder.path(), ImageFormat::cifar100); }),
            (folder.path() / "train.bin").string() + " does not exist");
}

// Expected: facts of the original MNIST files.
class Mnist : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("MPISWEEP_DATA");
    root_ = std::filesystem::path(data == nullptr ? DATA_FOLDER : data) / "mnist";
    const auto file = root_ / "train-images-idx3-ubyte.gz";
    if (!std::filesystem::exists(file)) GTEST_SKIP() << "needs " << file << " (./dev data mnist)";
  }

  static std::vector<int> class_counts(const LabelledImages& images) {
    std::vector<int> counts(10);
    for (const auto label : images.labels)
      ++counts.at(label);
    return counts;
  }
  static int sum_of_first_image(const LabelledImages& images) {
    return std::accumulate(images.images.bytes.begin(), images.images.bytes.begin() + 28 * 28, 0);
  }

  std::filesystem::path root_;
};

TEST_F(Mnist, HasItsClassesInItsOrder) {
  const auto folder = read_image_folder(root_);

  EXPECT_EQ(class_counts(folder->train),
            (std::vector<int>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}));
  EXPECT_EQ(class_counts(folder->test),
            (std::vector<int>{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}));
  EXPECT_EQ(Bytes(folder->train.labels.begin(), folder->train.labels.begin() + 10),
            (Bytes{5, 0, 4, 1, 9, 2, 1, 3, 1, 4}));
  EXPECT_EQ(Bytes(folder->test.labels.begin(), folder->test.labels.begin() + 10),
            (Bytes{7, 2, 1, 0, 4, 1, 4, 9, 5, 9}));
}

TEST_F(Mnist, HasItsPixels) {
  const auto folder = read_image_folder(root_);

  EXPECT_EQ(folder->train.images.sizes, (Sizes{60000, 28, 28}));
  EXPECT_EQ(folder->test.images.sizes, (Sizes{10000, 28, 28}));
  EXPECT_EQ(sum_of_first_image(folder->train), 27525);
  EXPECT_EQ(sum_of_first_image(folder->test), 18454);
}

}  // namespace
}  // namespace trainer
