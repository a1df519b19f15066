#include "trainer/optimizers.hpp"

#include <cmath>

#include "trainer/kernel_types.hpp"
#include "trainer/registry.hpp"

namespace trainer {
namespace {

using nlohmann::json;

/// v <- momentum v + g;  theta <- theta - rate v
/// Source: torch.optim.SGD (no dampening)
class Sgd : public Optimizer {
 public:
  Sgd(const json& settings, const torch::Tensor& rates)
      : rates_(rates),
        momentum_(settings.at("momentum")),
        weight_decay_(settings.at("weight_decay")) {}

  void apply_step(const torch::Tensor& theta, const torch::Tensor& grad) override {
    if (!velocity_.defined()) velocity_ = torch::zeros_like(theta);
    velocity_.mul_(momentum_).add_(grad);
    if (weight_decay_ > 0) velocity_.add_(theta, weight_decay_);
    theta.addcmul_(velocity_, rates_, -1);
  }

  std::vector<torch::Tensor> state() const override {
    return velocity_.defined() ? std::vector{velocity_} : std::vector<torch::Tensor>{};
  }

  void restore(const std::vector<torch::Tensor>& state, torch::Device device) override {
    velocity_ = state.empty() ? torch::Tensor() : state.at(0).to(device);
  }

 private:
  torch::Tensor rates_;  // [T, 1]
  double momentum_;
  double weight_decay_;
  torch::Tensor velocity_;  // [T, P], undefined before the first step
};

/// m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2
/// theta <- theta - rate / (1 - b1^k) m / (sqrt(v / (1 - b2^k)) + epsilon)   in step k
/// Source: Kingma and Ba, ICLR 2015, in the form of torch.optim.Adam
class Adam : public Optimizer {
 public:
  Adam(const json& settings, const torch::Tensor& rates)
      : rates_(rates),
        beta1_(settings.at("beta1")),
        beta2_(settings.at("beta2")),
        epsilon_(settings.at("epsilon")),
        weight_decay_(settings.at("weight_decay")),
        mean_scale_(torch::empty({}, rates.options().dtype(torch::kDouble))),
        square_scale_(torch::empty_like(mean_scale_)) {}

  void begin_step() override {
    const auto k = static_cast<double>(++num_steps_);
    mean_scale_.fill_(-1 / (1 - std::pow(beta1_, k)));
    square_scale_.fill_(std::sqrt(1 - std::pow(beta2_, k)));
  }

  void apply_step(const torch::Tensor& theta, const torch::Tensor& grad) override {
    if (!mean_.defined()) {
      mean_ = torch::zeros_like(theta);
      square_ = torch::zeros_like(theta);
    }
    if (has_kernel_type(theta)) return step_rows(theta, grad);
    const auto slope = weight_decay_ > 0 ? grad.add(theta, weight_decay_) : grad;
    mean_.lerp_(slope, 1 - beta1_);
    square_.mul_(beta2_).addcmul_(slope, slope, 1 - beta2_);
    const auto spread = square_.sqrt().div_(square_scale_).add_(epsilon_).div_(rates_);
    theta.addcdiv_(mean_ * mean_scale_, spread);
  }

  std::vector<torch::Tensor> state() const override {
    if (!mean_.defined()) return {};
    return {mean_, square_, torch::full({mean_.size(0)}, num_steps_, torch::kLong)};
  }

  void restore(const std::vector<torch::Tensor>& state, torch::Device device) override {
    if (state.empty()) return;
    mean_ = state.at(0).to(device);
    square_ = state.at(1).to(device);
    num_steps_ = state.at(2)[0].item<std::int64_t>();
  }

 private:
  /// One trial after the other in LibTorch's fused step, which takes a single rate.
  void step_rows(const torch::Tensor& theta, const torch::Tensor& grad) {
    const auto num_steps = torch::full({}, num_steps_, torch::kFloat);
    const auto rows = theta.unbind();
    const auto slopes = grad.unbind();
    const auto means = mean_.unbind();
    const auto squares = square_.unbind();
    for (std::size_t t = 0; t < rows.size(); ++t) {
      torch::_fused_adam_(rows[t], slopes[t], means[t], squares[t], /*max_exp_avg_sqs=*/{},
                          num_steps, rates_[static_cast<std::int64_t>(t)].item<double>(), beta1_,
                          beta2_, weight_decay_, epsilon_, /*amsgrad=*/false, /*maximize=*/false);
    }
  }

  torch::Tensor rates_;  // [T, 1]
  double beta1_;
  double beta2_;
  double epsilon_;
  double weight_decay_;
  std::int64_t num_steps_ = 0;
  torch::Tensor mean_scale_;    // [] double, of this step: -1 / (1 - b1^k)
  torch::Tensor square_scale_;  // [] double: sqrt(1 - b2^k)
  torch::Tensor mean_;          // [T, P], like square_ undefined before the first step
  torch::Tensor square_;        // [T, P]
};

template <class Kind>
std::unique_ptr<Optimizer> make(const json& settings, const torch::Tensor& learning_rates) {
  return std::make_unique<Kind>(settings, learning_rates);
}

Setting fraction(const std::string& key, double value, const std::string& help) {
  return {.key = key,
          .declaration = {
              .type = "float", .default_value = value, .min = 0.0, .max = 1.0, .help = help}};
}

Setting non_negative(const std::string& key, double value, const std::string& help) {
  return {.key = key,
          .declaration = {.type = "float", .default_value = value, .min = 0.0, .help = help}};
}

Setting weight_decay() {
  return non_negative("weight_decay", 0.0, "factor of the weights that is added to the gradient");
}

}  // namespace

const std::vector<OptimizerKind>& optimizer_kinds() {
  static const std::vector<OptimizerKind> kinds = {
      {.choice = {.name = "sgd",
                  .help = "gradient descent with momentum",
                  .settings = {fraction("momentum", 0.9, "share of the last step that is kept"),
                               weight_decay()}},
       .make = make<Sgd>},
      {.choice = {.name = "adam",
                  .help = "Adam",
                  .settings = {fraction("beta1", 0.9, "decay of the gradient's mean"),
                               fraction("beta2", 0.999, "decay of the gradient's square"),
                               non_negative("epsilon", 1e-8, "added to the denominator"),
                               weight_decay()}},
       .make = make<Adam>}};
  return kinds;
}

std::unique_ptr<Optimizer> make_optimizer(const json& settings,
                                          const torch::Tensor& learning_rates) {
  return find_kind(optimizer_kinds(), settings.at("name")).make(settings, learning_rates);
}

}  // namespace trainer
