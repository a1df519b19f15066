#include "trainer/datasets/mosaic.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "trainer/datasets/draws.hpp"
#include "trainer/datasets/image_folder.hpp"

namespace trainer {
namespace {

using nlohmann::json;

constexpr std::size_t kNumClasses = 256;  // labels are bytes
constexpr const char* kRootHint =
    "put the idx files train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte "
    "and t10k-labels-idx1-ubyte there, each plain or .gz; './dev data mnist' fetches MNIST";

using Classes = std::vector<int>;

std::shared_ptr<const ImageFolder> open_folder(const json& settings) {
  const auto root = settings.at("root").get<std::string>();
  try {
    return read_image_folder(root);
  } catch (const DataFileError& error) {
    throw SettingError("dataset.root", error.what(), kRootHint);
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
  auto classes = settings.at("foreground").get<Classes>();
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

DataSummary describe(const json& settings) {
  const auto folder = open_folder(settings);
  const auto foreground = foreground_classes(settings, *folder);
  auto identity = settings;
  identity.erase("root");
  identity["fingerprint"] = folder->fingerprint;
  identity["background"] = background_classes(settings, *folder, foreground);
  const ImageShape image = {.height = folder->train.images.sizes[1],
                            .width = folder->train.images.sizes[2]};
  const DataShape shape = {.segments = settings.at("segments"),
                           .features = image.height * image.width,
                           .classes = std::ssize(foreground),
                           .image = image};
  const auto num_mosaics =
      settings.at("train_size").get<double>() + settings.at("test_size").get<double>();
  return {.identity = identity,
          .shape = shape,
          .size_bytes = num_mosaics * static_cast<double>(shape.segments * shape.features)};
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

torch::Tensor to_points(const ByteArray& images) {
  auto points = torch::empty({images.sizes[0], images.sizes[1] * images.sizes[2]}, torch::kByte);
  std::ranges::copy(images.bytes, points.mutable_data_ptr<std::uint8_t>());
  return points;
}

/// Draws the mosaics of one split from its images.
class MosaicMaker {
 public:
  MosaicMaker(const LabelledImages& images, const Classes& foreground, const Classes& background)
      : images_(images),
        classes_(foreground),
        foregrounds_(pool_of(images, foreground)),
        backgrounds_(pool_of(images, background)) {}

  Split make(std::int64_t segments, std::int64_t size) const {
    auto members = torch::empty({size, segments}, torch::kLong);
    auto labels = torch::empty({size}, torch::kLong);
    auto positions = torch::empty({size}, torch::kLong);
    for (std::int64_t i = 0; i < size; ++i) {
      const auto draw =
          draw_mosaic(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(segments),
                      count(backgrounds_), count(foregrounds_));
      const std::span row(members.mutable_data_ptr<std::int64_t>() + i * segments,
                          static_cast<std::size_t>(segments));
      place(draw, row);
      labels.mutable_data_ptr<std::int64_t>()[i] = label_of(row[draw.position]);
      positions.mutable_data_ptr<std::int64_t>()[i] = draw.position;
    }
    return {.points = to_points(images_.images),
            .members = members,
            .labels = labels,
            .foreground = positions};
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
  const Classes& classes_;
  std::vector<std::int64_t> foregrounds_;  // images of the pool
  std::vector<std::int64_t> backgrounds_;
};

DataSet load(const json& settings) {
  const auto shape = describe(settings).shape;
  const auto folder = open_folder(settings);
  const auto foreground = foreground_classes(settings, *folder);
  const auto background = background_classes(settings, *folder, foreground);
  return {.shape = shape,
          .train = MosaicMaker(folder->train, foreground, background)
                       .make(shape.segments, settings.at("train_size")),
          .test = MosaicMaker(folder->test, foreground, background)
                      .make(shape.segments, settings.at("test_size"))};
}

Setting class_list(const std::string& key, const json& value, const std::string& help) {
  return {
      .key = key,
      .declaration = {.type = "list", .default_value = value, .min = 0, .max = 255, .help = help}};
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
  return {.choice = {.name = "mosaic",
                     .help = "real images side by side, one of them labelled",
                     .settings =
                         {{.key = "images",
                           .declaration = {.type = "string",
                                           .default_value = "mnist",
                                           .values = {"mnist"},
                                           .help = "file format: idx files under MNIST's names"}},
                          {.key = "root",
                           .declaration = {.type = "path", .help = "folder of the four idx files"},
                           .is_required = true},
                          whole_number("segments", 5, 2, "segments per input"),
                          class_list("foreground", {0, 1, 2}, "classes that carry the label"),
                          class_list("background", nullptr, "other classes; default: all others"),
                          whole_number("train_size", 10000, 1, "training mosaics"),
                          whole_number("test_size", 2000, 1, "test mosaics")}},
          .describe = describe,
          .load = load};
}

}  // namespace trainer
