#include "trainer/datasets/image_folder.hpp"

#include <array>
#include <map>

#include <xxhash.h>

namespace trainer {
namespace {

std::filesystem::path find_file(const std::filesystem::path& root, const std::string& name) {
  for (const auto& path : {root / name, root / (name + ".gz")})
    if (std::filesystem::exists(path)) return path;
  throw IdxError((root / name).string() + "[.gz] does not exist");
}

IdxArray read_array(const std::filesystem::path& root, const std::string& name,
                    std::size_t num_dims) {
  const auto path = find_file(root, name);
  auto array = read_idx(path);
  if (array.sizes.size() == num_dims) return array;
  throw IdxError(path.string() + " has " + std::to_string(array.sizes.size()) +
                 " dimensions (want " + std::to_string(num_dims) +
                 (num_dims == 3 ? ": grey images only)" : ")"));
}

LabelledImages read_pair(const std::filesystem::path& root, const std::string& part) {
  auto images = read_array(root, part + "-images-idx3-ubyte", 3);
  auto labels = read_array(root, part + "-labels-idx1-ubyte", 1);
  if (images.sizes[0] == labels.sizes[0]) {
    return {.images = std::move(images), .labels = std::move(labels.bytes)};
  }
  throw IdxError(root.string() + " holds " + std::to_string(images.sizes[0]) + " " + part +
                 " images but " + std::to_string(labels.sizes[0]) + " labels");
}

std::string fingerprint(const ImageFolder& folder) {
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  for (const auto* part : {&folder.train, &folder.test}) {
    const auto& sizes = part->images.sizes;
    XXH3_64bits_update(&state, sizes.data(), sizes.size() * sizeof(sizes[0]));
    XXH3_64bits_update(&state, part->images.bytes.data(), part->images.bytes.size());
    XXH3_64bits_update(&state, part->labels.data(), part->labels.size());
  }
  std::array<char, 17> text = {};
  std::snprintf(text.data(), text.size(), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits_digest(&state)));
  return text.data();
}

std::shared_ptr<const ImageFolder> read(const std::filesystem::path& root) {
  ImageFolder folder = {.train = read_pair(root, "train"), .test = read_pair(root, "t10k")};
  const auto& train = folder.train.images.sizes;
  const auto& test = folder.test.images.sizes;
  if (train[1] != test[1] || train[2] != test[2]) {
    throw IdxError(root.string() + " holds training and test images of different sizes");
  }
  folder.fingerprint = fingerprint(folder);
  return std::make_shared<ImageFolder>(std::move(folder));
}

}  // namespace

std::shared_ptr<const ImageFolder> read_image_folder(const std::filesystem::path& root) {
  static std::map<std::filesystem::path, std::shared_ptr<const ImageFolder>> known;
  auto& folder = known[root];
  if (!folder) folder = read(root);
  return folder;
}

}  // namespace trainer
