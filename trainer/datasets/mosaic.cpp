#include "trainer/datasets/mosaic.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "trainer/datasets/batches.hpp"
#include "trainer/datasets/draws.hpp"
#include "trainer/datasets/gaussian_mosaic.hpp"
#include "trainer/datasets/image_sources.hpp"

namespace trainer {
namespace {

using nlohmann::json;

constexpr std::size_t kNumClasses = 256;  // labels are bytes

// What the first version of this data set did, before there was a choice: left out of identities.
constexpr const char* kFormerSplit = "images_test";
constexpr const char* kFormerPosition = "drawn";

using Classes = std::vector<int>;

const ImageSource& source_of(const json& settings) {
  return find_image_source(settings.value("images", image_sources().front().name));
}

std::string split_of(const json& settings) {
  return settings.value("split", source_of(settings).split);
}

std::string position_of(const json& settings) {
  return settings.value("position", kFormerPosition);
}

std::shared_ptr<const ImageFolder> open_image_folder(const json& settings) {
  const auto root = settings.at("root").get<std::string>();
  const auto& source = source_of(settings);
  try {
    return read_image_folder(root, source.format);
  } catch (const DataFileError& error) {
    throw SettingError("dataset.root", error.what(), source.hint);
  }
}

Classes classes_of(const LabelledImages& images) {
  const std::set<int> classes(images.labels.begin(), images.labels.end());
  return {classes.begin(), classes.end()};
}

std::string join(const Classes& classes) {
  std::string text;
  for (const auto c : classes)
    text += (text.empty() ? "" : ", ") + std::to_string(c);
  return text;
}

bool has(const Classes& classes, int c) {
  return std::ranges::find(classes, c) != classes.end();
}

/// Throws: SettingError if a class is named twice or has no images.
void check_classes(const std::string& key, const Classes& named, const LabelledImages& images) {
  const auto present = classes_of(images);
  for (const auto c : named) {
    if (std::ranges::count(named, c) > 1) {
      throw SettingError(key, "names class " + std::to_string(c) + " twice");
    }
    if (!has(present, c)) {
      throw SettingError(key, "names class " + std::to_string(c) + ", which has no images",
                         "there are " + join(present));
    }
  }
}

Classes foreground_classes(const json& settings, const ImageFolder& folder) {
  auto classes = settings.value("foreground", source_of(settings).foreground);
  if (classes.size() < 2) throw SettingError("dataset.foreground", "must name two classes or more");
  check_classes("dataset.foreground", classes, folder.train);
  check_classes("dataset.foreground", classes, folder.test);
  return classes;
}

/// All classes that are not foreground, unless the settings say which; in ascending order.
Classes background_classes(const json& settings, const ImageFolder& folder,
                           const Classes& foreground) {
  auto classes = settings.value("background", classes_of(folder.train));
  if (!settings.contains("background")) {
    std::erase_if(classes, [&](int c) { return has(foreground, c); });
  }
  if (classes.empty()) throw SettingError("dataset.background", "leaves no class");
  check_classes("dataset.background", classes, folder.train);
  check_classes("dataset.background", classes, folder.test);
  for (const auto c : classes) {
    if (!has(foreground, c)) continue;
    throw SettingError("dataset.background",
                       "names class " + std::to_string(c) + ", which is in the foreground too");
  }
  std::ranges::sort(classes);
  return classes;
}

/// Of images {count, height, width} or {count, channels, height, width}.
ImageShape shape_of(const ByteArray& images) {
  const auto& sizes = images.sizes;
  return {.channels = sizes.size() == 4 ? sizes[1] : 1,
          .height = sizes[sizes.size() - 2],
          .width = sizes[sizes.size() - 1]};
}

DataShape shape_of(const json& settings, const ImageFolder& folder) {
  const auto image = shape_of(folder.train.images);
  return {.segments = settings.at("segments"),
          .features = image.channels * image.height * image.width,
          .classes = std::ssize(foreground_classes(settings, folder)),
          .image = image};
}

json identity_of(const json& settings, const ImageFolder& folder) {
  const auto foreground = foreground_classes(settings, folder);
  auto identity = settings;
  identity.erase("root");
  identity["fingerprint"] = folder.fingerprint;
  identity["foreground"] = foreground;
  identity["background"] = background_classes(settings, folder, foreground);
  identity["split"] = split_of(settings);
  identity["position"] = position_of(settings);
  if (identity["split"] == kFormerSplit) identity.erase("split");
  if (identity["position"] == kFormerPosition) identity.erase("position");
  return identity;
}

/// Of all images, and of the batches of one split as far as they are kept.
double folder_bytes(const ImageFolder& folder) {
  return static_cast<double>(folder.train.images.bytes.size() + folder.test.images.bytes.size());
}

double batches_bytes(double num_mosaics, const DataShape& shape) {
  const auto size = num_mosaics * static_cast<double>(shape.segments * shape.features);
  return size <= static_cast<double>(Batches::kKeptBytes) ? size : 0;
}

DataSummary describe_mosaic(const json& settings) {
  const auto folder = open_image_folder(settings);
  const auto shape = shape_of(settings, *folder);
  return {.identity = identity_of(settings, *folder),
          .shape = shape,
          .size_bytes = folder_bytes(*folder) + batches_bytes(settings.at("train_size"), shape) +
                        batches_bytes(settings.at("test_size"), shape),
          .train_size = settings.at("train_size")};
}

/// Positions of the images of some classes, in the order of the data set.
std::vector<std::int64_t> pool_of(const LabelledImages& images, const Classes& classes) {
  std::array<bool, kNumClasses> is_wanted = {};
  for (const auto c : classes)
    is_wanted[static_cast<std::size_t>(c)] = true;
  std::vector<std::int64_t> pool;
  for (std::size_t i = 0; i < images.labels.size(); ++i)
    if (is_wanted[images.labels[i]]) pool.push_back(static_cast<std::int64_t>(i));
  return pool;
}

/// The images in place: the folder lives as long as the tensor.  Shapes: -> [P, d] bytes
torch::Tensor to_points(const std::shared_ptr<const ImageFolder>& folder, const ByteArray& images) {
  const auto P = images.sizes[0];
  auto* bytes = const_cast<std::uint8_t*>(images.bytes.data());  // points are never written to
  return torch::from_blob(
      bytes, {P, std::ssize(images.bytes) / P}, [folder](void*) {},
      torch::TensorOptions(torch::kByte));
}

/// Draws the mosaics of one split from its images.
class MosaicMaker {
 public:
  MosaicMaker(const LabelledImages& images, torch::Tensor points, const Classes& foreground,
              const Classes& background)
      : images_(images),
        points_(std::move(points)),
        classes_(foreground),
        foregrounds_(pool_of(images, foreground)),
        backgrounds_(pool_of(images, background)) {}

  /// Mosaics `begin` to `begin + size`.
  Split make(std::int64_t begin, std::int64_t size, std::int64_t segments, bool is_first) const {
    auto members = torch::empty({size, segments}, torch::kLong);
    auto labels = torch::empty({size}, torch::kLong);
    auto positions = torch::empty({size}, torch::kLong);
    for (std::int64_t i = 0; i < size; ++i) {
      auto draw =
          draw_mosaic(static_cast<std::uint32_t>(begin + i), static_cast<std::uint32_t>(segments),
                      count(backgrounds_), count(foregrounds_));
      if (is_first) draw.position = 0;
      const std::span row(members.mutable_data_ptr<std::int64_t>() + i * segments,
                          static_cast<std::size_t>(segments));
      place(draw, row);
      labels.mutable_data_ptr<std::int64_t>()[i] = label_of(row[draw.position]);
      positions.mutable_data_ptr<std::int64_t>()[i] = draw.position;
    }
    return {.points = points_,
            .members = members,
            .labels = labels,
            .foreground = torch::one_hot(positions, segments).to(torch::kBool)};
  }

 private:
  static std::uint32_t count(const std::vector<std::int64_t>& pool) {
    return static_cast<std::uint32_t>(pool.size());
  }

  /// Writes the image of each segment.
  void place(const MosaicDraw& draw, std::span<std::int64_t> row) const {
    auto background = draw.backgrounds.begin();
    for (std::size_t j = 0; j < row.size(); ++j) {
      row[j] = j == draw.position ? foregrounds_[draw.foreground] : backgrounds_[*background++];
    }
  }

  std::int64_t label_of(std::int64_t image) const {
    const int image_class = images_.labels[static_cast<std::size_t>(image)];
    return std::ranges::find(classes_, image_class) - classes_.begin();
  }

  const LabelledImages& images_;
  torch::Tensor points_;  // [P, d]
  const Classes& classes_;
  std::vector<std::int64_t> foregrounds_;  // images of the pool
  std::vector<std::int64_t> backgrounds_;
};

DataSet load_mosaic(const json& settings) {
  const auto folder = open_image_folder(settings);
  const auto shape = shape_of(settings, *folder);
  const auto foreground = foreground_classes(settings, *folder);
  const auto background = background_classes(settings, *folder, foreground);
  const auto maker_of = [&](const LabelledImages& images) {
    return MosaicMaker(images, to_points(folder, images.images), foreground, background);
  };
  const auto train_size = settings.at("train_size").get<std::int64_t>();
  const auto test_size = settings.at("test_size").get<std::int64_t>();
  const bool is_first = position_of(settings) == "first";
  const auto make = [&](const MosaicMaker& maker, std::int64_t begin, std::int64_t size) {
    return maker.make(begin, size, shape.segments, is_first);
  };
  const auto train = maker_of(folder->train);
  return {.shape = shape,
          .train = make(train, 0, train_size),
          .test = split_of(settings) == "index_range" ? make(train, train_size, test_size)
                                                      : make(maker_of(folder->test), 0, test_size)};
}

/// What `images` may say.
std::vector<std::string> source_names() {
  std::vector<std::string> names;
  for (const auto& source : image_sources())
    names.push_back(source.name);
  names.emplace_back(kGaussianImages);
  return names;
}

Setting class_list(const std::string& key, const std::string& help) {
  return {.key = key, .declaration = {.type = "list", .min = 0, .max = 255, .help = help}};
}

}  // namespace

MosaicDraw draw_mosaic(std::uint32_t index, std::uint32_t num_segments,
                       std::uint32_t num_backgrounds, std::uint32_t num_foregrounds) {
  std::mt19937 rng(index);
  MosaicDraw draw = {.backgrounds = std::vector<std::uint32_t>(num_segments - 1)};
  for (auto& background : draw.backgrounds)
    background = draw_below(num_backgrounds, rng);
  draw.foreground = draw_below(num_foregrounds, rng);
  draw.position = draw_below(num_segments, rng);
  return draw;
}

DataSetKind mosaic_kind() {
  return {
      .choice = {.name = "mosaic",
                 .help = "real images side by side, one of them labelled",
                 .settings = {one_of("images", image_sources().front().name, source_names(),
                                     "what the folder holds; gaussian: drawn, without a folder"),
                              {.key = "root",
                               .declaration = {.type = "path", .help = "folder of the data files"},
                               .is_required = true},
                              whole_number("segments", 5, 2, "segments per input"),
                              class_list("foreground",
                                         "classes that carry the label; default: 0, 1, 2; of "
                                         "cifar100 the 50 of animals and people"),
                              class_list("background", "other classes; default: all others"),
                              one_of("position", kFormerPosition, {kFormerPosition, "first"},
                                     "segment of the foreground"),
                              one_of("split", nullptr, {"index_range", kFormerSplit},
                                     "test mosaics: the next ones of the training images, or "
                                     "mosaics of the test images; default: images_test for "
                                     "mnist, index_range for the others"),
                              whole_number("train_size", 10000, 1, "training mosaics"),
                              whole_number("test_size", 2000, 1, "test mosaics")}},
      .describe = describe_mosaic,
      .load = load_mosaic};
}

}  // namespace trainer
