#include "trainer/datasets/gaussian_mosaic.hpp"

#include <random>

#include "trainer/datasets/draws.hpp"

namespace trainer {
namespace {

using nlohmann::json;

constexpr int kMostInputs = 10'000'000;

DataSummary describe_gaussian_mosaic(const json& settings) {
  const DataShape shape = {.segments = settings.at("segments"),
                           .features = settings.at("dimension"),
                           .classes = settings.at("classes")};
  const auto floats_per_input = static_cast<double>(shape.segments * shape.features);
  // Once as points, once as batches.
  return {.identity = settings,
          .shape = shape,
          .size_bytes = 2 * sizeof(float) * floats_per_input * settings.at("size").get<double>(),
          .train_size = settings.at("size")};
}

/// Which segment is in the foreground, and the class of each.
struct Layout {
  torch::Tensor positions;  // [N] int64
  torch::Tensor classes;    // [N, m] int64: of the foreground first, then of the background
};

Layout draw_layout(const json& settings) {
  const auto size = settings.at("size").get<std::int64_t>();
  const auto num_segments = settings.at("segments").get<std::uint32_t>();
  const auto num_foreground = settings.at("classes").get<std::uint32_t>();
  const auto num_background = settings.at("backgrounds").get<std::uint32_t>();
  std::mt19937 rng(settings.at("seed").get<std::uint32_t>());
  Layout layout = {.positions = torch::empty({size}, torch::kLong),
                   .classes = torch::empty({size, num_segments}, torch::kLong)};
  auto* positions = layout.positions.mutable_data_ptr<std::int64_t>();
  auto* classes = layout.classes.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < size; ++i) {
    positions[i] = draw_below(num_segments, rng);
    for (std::uint32_t j = 0; j < num_segments; ++j) {
      *classes++ = j == positions[i] ? draw_below(num_foreground, rng)
                                     : num_foreground + draw_below(num_background, rng);
    }
  }
  return layout;
}

DataSet load_gaussian_mosaic(const json& settings) {
  const auto shape = describe_gaussian_mosaic(settings).shape;
  const auto [positions, classes] = draw_layout(settings);
  const auto rng =
      at::make_generator<at::CPUGeneratorImpl>(settings.at("seed").get<std::uint64_t>());
  const auto num_classes = shape.classes + settings.at("backgrounds").get<std::int64_t>();
  const auto means =
      torch::randn({num_classes, shape.features}, rng) * settings.at("scale").get<double>();
  auto points =
      torch::randn({classes.numel(), shape.features}, rng) * settings.at("noise").get<double>();
  points += means.index_select(/*dim=*/0, classes.flatten());
  return {.shape = shape,
          .train = {.points = points,
                    .members = torch::arange(classes.numel()).view(classes.sizes()),
                    .labels = classes.gather(/*dim=*/1, positions.unsqueeze(1)).squeeze(1),
                    .foreground = torch::one_hot(positions, shape.segments).to(torch::kBool)}};
}

Setting deviation(const std::string& key, double value, const std::string& help) {
  return {.key = key,
          .declaration = {
              .type = "float", .default_value = value, .min = 0.0, .max = 1e6, .help = help}};
}

}  // namespace

DataSetKind gaussian_mosaic_kind() {
  return {.choice = {.name = "mosaic",
                     .help = "points around class means, one of them labelled",
                     .settings = {one_of("images", kGaussianImages, {kGaussianImages}, "drawn"),
                                  whole_number("segments", 9, 2, "segments per input", 10'000),
                                  whole_number("classes", 10, 2, "number of labels", 10'000),
                                  whole_number("backgrounds", 10, 1, "other classes", 10'000),
                                  whole_number("dimension", 64, 1, "features of a segment"),
                                  whole_number("size", 2000, 1, "training inputs", kMostInputs),
                                  deviation("scale", 0.6, "deviation of the class means"),
                                  deviation("noise", 0.5, "deviation within a class"),
                                  whole_number("seed", 0, 0, "of means, points and positions")},
                     .only_with = Word{.key = "images", .value = kGaussianImages}},
          .describe = describe_gaussian_mosaic,
          .load = load_gaussian_mosaic};
}

}  // namespace trainer
