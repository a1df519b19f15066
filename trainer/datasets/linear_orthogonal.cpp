#include "trainer/datasets/linear_orthogonal.hpp"

#include "trainer/datasets/draws.hpp"

namespace trainer {
namespace {

using nlohmann::json;

constexpr std::uint32_t kPointsPerClass = 2000;
constexpr double kForegroundDeviation = 1e-5;  // along the class's own axis
constexpr double kBackgroundDeviation = 0.1;   // along the last axis

/// Foreground points class by class, then the background points.
/// Shapes: -> [(C + 1) 2000, C + 1]
torch::Tensor draw_points(std::int64_t classes, std::int64_t seed) {
  const auto rng = at::make_generator<at::CPUGeneratorImpl>(static_cast<std::uint64_t>(seed));
  const auto noise = torch::randn({classes + 1, kPointsPerClass}, rng);
  auto points = torch::zeros({classes + 1, kPointsPerClass, classes + 1});
  for (std::int64_t c = 0; c < classes; ++c) {
    points.select(/*dim=*/2, c)[c] = noise[c] * kForegroundDeviation + 1;
  }
  points.select(/*dim=*/2, classes)[classes] = noise[classes] * kBackgroundDeviation;
  return points.flatten(0, 1);
}

/// Draws which points make mosaic `index`.  Returns its label.
std::int64_t draw_members(std::int64_t index, std::int64_t classes,
                          std::span<std::int64_t> members) {
  std::mt19937 rng(static_cast<std::uint32_t>(index));
  const auto label = draw_below(static_cast<std::uint32_t>(classes), rng);
  members[0] = label * kPointsPerClass + draw_below(kPointsPerClass, rng);
  for (auto& member : members.subspan(1)) {
    member = classes * kPointsPerClass + draw_below(kPointsPerClass, rng);
  }
  return label;
}

DataSummary describe_linear_orthogonal(const json& settings) {
  const auto classes = settings.at("classes").get<std::int64_t>();
  const DataShape shape = {
      .segments = settings.at("segments"), .features = classes + 1, .classes = classes};
  const auto floats_per_input = static_cast<double>(shape.segments * shape.features);
  return {.identity = settings,
          .shape = shape,
          .size_bytes = sizeof(float) * floats_per_input * settings.at("size").get<double>(),
          .train_size = settings.at("size")};
}

DataSet load_linear_orthogonal(const json& settings) {
  const auto shape = describe_linear_orthogonal(settings).shape;
  const auto size = settings.at("size").get<std::int64_t>();
  auto members = torch::empty({size, shape.segments}, torch::kLong);
  auto labels = torch::empty({size}, torch::kLong);
  auto foreground = torch::zeros({size, shape.segments}, torch::kBool);
  foreground.select(/*dim=*/1, 0).fill_(true);
  for (std::int64_t i = 0; i < size; ++i) {
    const std::span row(members.mutable_data_ptr<std::int64_t>() + i * shape.segments,
                        static_cast<std::size_t>(shape.segments));
    labels.mutable_data_ptr<std::int64_t>()[i] = draw_members(i, shape.classes, row);
  }
  return {.shape = shape,
          .train = {.points = draw_points(shape.classes, settings.at("seed")),
                    .members = members,
                    .labels = labels,
                    .foreground = foreground}};
}

}  // namespace

DataSetKind linear_orthogonal_kind() {
  return {.choice = {.name = "linear_orthogonal",
                     .help = "generated, solvable by linear models",
                     .settings = {whole_number("segments", 20, 2, "segments per input"),
                                  whole_number("classes", 20, 2, "number of labels"),
                                  whole_number("size", 5000, 1, "training inputs"),
                                  whole_number("seed", 0, 0, "of the points")}},
          .describe = describe_linear_orthogonal,
          .load = load_linear_orthogonal};
}

}  // namespace trainer
