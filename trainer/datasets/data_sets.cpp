#include "trainer/datasets/data_set.hpp"
#include "trainer/datasets/generated_posts.hpp"
#include "trainer/datasets/hatexplain.hpp"
#include "trainer/datasets/linear_orthogonal.hpp"
#include "trainer/datasets/mosaic.hpp"

namespace trainer {

const std::vector<DataSetKind>& data_set_kinds() {
  static const std::vector<DataSetKind> kinds = {linear_orthogonal_kind(), mosaic_kind(),
                                                 hatexplain_kind(), generated_posts_kind()};
  return kinds;
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
