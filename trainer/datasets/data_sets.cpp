#include <stdexcept>

#include "trainer/datasets/data_set.hpp"
#include "trainer/datasets/gaussian_mosaic.hpp"
#include "trainer/datasets/generated_posts.hpp"
#include "trainer/datasets/hatexplain.hpp"
#include "trainer/datasets/linear_orthogonal.hpp"
#include "trainer/datasets/mosaic.hpp"
#include "trainer/registry.hpp"

namespace trainer {

const std::vector<DataSetKind>& data_set_kinds() {
  static const std::vector<DataSetKind> kinds = {linear_orthogonal_kind(), mosaic_kind(),
                                                 gaussian_mosaic_kind(), hatexplain_kind(),
                                                 generated_posts_kind()};
  return kinds;
}

const DataSetKind& find_data_set_kind(const nlohmann::json& settings) {
  static const auto choices = choices_of(data_set_kinds());
  const auto* choice = find_choice(choices, settings.at("kind"), settings);
  if (choice == nullptr) {
    throw std::invalid_argument("there is no data set of kind " + settings.at("kind").dump());
  }
  return data_set_kinds()[static_cast<std::size_t>(choice - choices.data())];
}

Split Split::to(torch::Device device) const {
  return {.points = points.to(device),
          .members = members.to(device),
          .labels = labels.to(device),
          .foreground = foreground.to(device),
          .absent = absent.defined() ? absent.to(device) : absent};
}

Split reorder(const Split& split, const torch::Tensor& order) {
  const auto index = order.to(split.labels.device());
  return {.points = split.points,
          .members = split.members.index_select(/*dim=*/0, index),
          .labels = split.labels.index_select(/*dim=*/0, index),
          .foreground = split.foreground.index_select(/*dim=*/0, index),
          .absent =
              split.absent.defined() ? split.absent.index_select(/*dim=*/0, index) : split.absent};
}

}  // namespace trainer
