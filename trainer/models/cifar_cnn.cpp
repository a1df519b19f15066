#include "trainer/models/cifar_cnn.hpp"

#include "trainer/models/convolutional.hpp"

namespace trainer {
namespace {

constexpr std::int64_t kSmallestCifarImage = 18;  // leaves the focus one pixel

ConvolutionalNetwork focus_layers(const std::vector<std::int64_t>& dense) {
  return {.stages = {{.kernel = 3, .channels = 32},
                     {.kernel = 3, .channels = 64},
                     {.kernel = 3, .channels = 64, .has_pool = false}},
          .dense = dense,
          .has_bias = false,
          .has_output_bias = false,
          .starts_xavier_normal = true};
}

ConvolutionalNetwork classifier_layers(std::int64_t first_channels, std::int64_t second_channels,
                                       const std::vector<std::int64_t>& dense) {
  return {.stages = {{.kernel = 5, .channels = first_channels},
                     {.kernel = 5, .channels = second_channels}},
          .dense = dense,
          .starts_xavier_normal = true};
}

Model make_cifar10_cnn(const nlohmann::json& /*settings*/, const DataShape& shape) {
  const auto image = expect_image(shape, "cifar10_cnn", kSmallestCifarImage);
  return {.focus = make_network(focus_layers({512, 64, 10, 1}), image),
          .classifier = make_network(classifier_layers(6, 16, {120, 84, 10, shape.classes}), image),
          .gains_from_packs_on_cpu = false};
}

Model make_cifar100_cnn(const nlohmann::json& /*settings*/, const DataShape& shape) {
  const auto image = expect_image(shape, "cifar100_cnn", kSmallestCifarImage);
  return {.focus = make_network(focus_layers({512, 64, 1}), image),
          .classifier = make_network(classifier_layers(16, 32, {120, shape.classes}), image),
          .gains_from_packs_on_cpu = false};
}

}  // namespace

ModelKind cifar10_cnn_kind() {
  return {.choice = {.name = "cifar10_cnn",
                     .help = "the published pair for CIFAR-10 (Focus_cnn, Classification_cnn)"},
          .make = make_cifar10_cnn};
}

ModelKind cifar100_cnn_kind() {
  return {.choice = {.name = "cifar100_cnn",
                     .help = "the published pair for CIFAR-100 (Focus_cnn1, Classification_cnn1)"},
          .make = make_cifar100_cnn};
}

}  // namespace trainer
