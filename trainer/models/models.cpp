#include "trainer/models/cifar_cnn.hpp"
#include "trainer/models/cnn.hpp"
#include "trainer/models/linear.hpp"
#include "trainer/models/mlp.hpp"
#include "trainer/models/model.hpp"
#include "trainer/models/nonlinear_focus.hpp"
#include "trainer/registry.hpp"

namespace trainer {

const std::vector<ModelKind>& model_kinds() {
  static const std::vector<ModelKind> kinds = {
      mlp_kind(), linear_kind(),      nonlinear_focus_kind(),
      cnn_kind(), cifar10_cnn_kind(), cifar100_cnn_kind()};
  return kinds;
}

Model make_model(const nlohmann::json& settings, const DataShape& shape) {
  return find_kind(model_kinds(), settings.at("name")).make(settings, shape);
}

}  // namespace trainer
