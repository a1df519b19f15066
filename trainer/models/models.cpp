#include "trainer/models/cifar_cnn.hpp"
#include "trainer/models/cnn.hpp"
#include "trainer/models/embedding.hpp"
#include "trainer/models/linear.hpp"
#include "trainer/models/mlp.hpp"
#include "trainer/models/model.hpp"
#include "trainer/models/nonlinear_focus.hpp"
#include "trainer/models/transformer.hpp"
#include "trainer/registry.hpp"

namespace trainer {

const std::vector<ModelKind>& model_kinds() {
  static const std::vector<ModelKind> kinds = {
      mlp_kind(),         linear_kind(),       nonlinear_focus_kind(), cnn_kind(),
      cifar10_cnn_kind(), cifar100_cnn_kind(), embedding_kind(),       transformer_kind()};
  return kinds;
}

Model fix_focus(Model model, double weight) {
  if (model.encoder) {
    throw SettingError("focus", "must be joint for a model that reads tokens",
                       "the focus network learns what the tokens mean");
  }
  model.focus = {};
  model.fixed_focus = weight;
  return model;
}

Model make_model(const nlohmann::json& settings, const DataShape& shape) {
  const auto& kind = find_kind(model_kinds(), settings.at("name"));
  const bool has_tokens = shape.vocabulary > 0;
  if (kind.reads_tokens && !has_tokens) {
    throw SettingError("model.name", kind.choice.name + " reads tokens",
                       "use a data set of posts, of kind hatexplain or generated_posts");
  }
  if (!kind.reads_tokens && has_tokens) {
    throw SettingError("model.name", kind.choice.name + " reads numbers, not tokens",
                       "use the model embedding or transformer");
  }
  return kind.make(settings, shape);
}

}  // namespace trainer
