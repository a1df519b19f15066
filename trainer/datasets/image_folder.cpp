#include "trainer/datasets/image_folder.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "trainer/datasets/cifar_file.hpp"
#include "trainer/datasets/fingerprint.hpp"
#include "trainer/datasets/idx_file.hpp"

namespace trainer {
namespace {

std::filesystem::path find_file(const std::filesystem::path& root, const std::string& name) {
  for (const auto& path : {root / name, root / (name + ".gz")})
    if (std::filesystem::exists(path)) return path;
  throw DataFileError((root / name).string() + "[.gz] does not exist");
}

ByteArray read_array(const std::filesystem::path& root, const std::string& name,
                     std::size_t num_dims) {
  const auto path = find_file(root, name);
  auto array = read_idx(path);
  if (array.sizes.size() == num_dims) return array;
  throw DataFileError(path.string() + " has " + std::to_string(array.sizes.size()) +
                      " dimensions (want " + std::to_string(num_dims) +
                      (num_dims == 3 ? ": grey images only)" : ")"));
}

LabelledImages read_pair(const std::filesystem::path& root, const std::string& part) {
  auto images = read_array(root, part + "-images-idx3-ubyte", 3);
  auto labels = read_array(root, part + "-labels-idx1-ubyte", 1);
  if (images.sizes[0] == labels.sizes[0]) {
    return {.images = std::move(images), .labels = std::move(labels.bytes)};
  }
  throw DataFileError(root.string() + " holds " + std::to_string(images.sizes[0]) + " " + part +
                      " images but " + std::to_string(labels.sizes[0]) + " labels");
}

std::string fingerprint_of(const ImageFolder& folder) {
  Fingerprint fingerprint;
  for (const auto* part : {&folder.train, &folder.test}) {
    const auto& sizes = part->images.sizes;
    fingerprint.add(sizes.data(), sizes.size() * sizeof(sizes[0]));
    fingerprint.add(part->images.bytes.data(), part->images.bytes.size());
    fingerprint.add(part->labels.data(), part->labels.size());
  }
  return fingerprint.text();
}

ImageFolder read_mnist(const std::filesystem::path& root) {
  ImageFolder folder = {.train = read_pair(root, "train"), .test = read_pair(root, "t10k")};
  const auto& train = folder.train.images.sizes;
  const auto& test = folder.test.images.sizes;
  if (train[1] != test[1] || train[2] != test[2]) {
    throw DataFileError(root.string() + " holds training and test images of different sizes");
  }
  return folder;
}

/// The five batches; the first alone if there is none of the others.
std::vector<std::filesystem::path> training_batches(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> paths;
  for (int i = 1; i <= 5; ++i)
    paths.push_back(root / ("data_batch_" + std::to_string(i) + ".bin"));
  const bool is_sample = std::none_of(paths.begin() + 1, paths.end(), [](const auto& path) {
    return std::filesystem::exists(path);
  });
  if (is_sample) paths.resize(1);
  return paths;
}

LabelledImages read_existing(const std::vector<std::filesystem::path>& paths, CifarForm form) {
  for (const auto& path : paths) {
    if (!std::filesystem::exists(path)) throw DataFileError(path.string() + " does not exist");
  }
  return read_cifar(paths, form);
}

ImageFolder read(const std::filesystem::path& root, ImageFormat format) {
  if (format == ImageFormat::cifar10) {
    return {.train = read_existing(training_batches(root), CifarForm::cifar10),
            .test = read_existing({root / "test_batch.bin"}, CifarForm::cifar10)};
  }
  if (format == ImageFormat::cifar100) {
    return {.train = read_existing({root / "train.bin"}, CifarForm::cifar100),
            .test = read_existing({root / "test.bin"}, CifarForm::cifar100)};
  }
  return read_mnist(root);
}

std::shared_ptr<const ImageFolder> read_with_fingerprint(const std::filesystem::path& root,
                                                         ImageFormat format) {
  auto folder = read(root, format);
  folder.fingerprint = fingerprint_of(folder);
  return std::make_shared<ImageFolder>(std::move(folder));
}

}  // namespace

std::shared_ptr<const ImageFolder> read_image_folder(const std::filesystem::path& root,
                                                     ImageFormat format) {
  static std::map<std::pair<std::filesystem::path, ImageFormat>, std::shared_ptr<const ImageFolder>>
      known;
  auto& folder = known[{root, format}];
  if (!folder) folder = read_with_fingerprint(root, format);
  return folder;
}

}  // namespace trainer
