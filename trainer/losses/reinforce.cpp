#include "trainer/losses/reinforce.hpp"

#include "trainer/losses/hard.hpp"

namespace trainer {
namespace {

using nlohmann::json;

constexpr const char* kNone = "none";
constexpr const char* kMovingAverage = "moving_average";
constexpr const char* kExact = "exact";

/// Shapes: -> [T or 1, B or 1], without gradient
torch::Tensor baseline_of(const std::string& kind, Pass& pass, const Step& step) {
  if (kind == kMovingAverage) return step.memory.unsqueeze(1).clone();
  if (kind == kNone) return torch::zeros({1, 1}, pass.scores().options());
  const auto& log_p = pass.segment_label_log_probabilities();  // [T, m, B]
  return (pass.attention() * log_p).sum(/*dim=*/1).detach();
}

torch::Tensor sampled_objective(const std::string& baseline, double decay, Pass& pass,
                                const Step& step) {
  const auto& scores = pass.scores();
  const auto uniform =
      draw_uniform(step.moment, Purpose::segments, scores.size(2), scores.scalar_type());
  const auto drawn = draw_segments(pass.attention().detach(), uniform, pass.absent());  // [T, B]
  const auto rewards = pass.label_log_probabilities_of(drawn);                          // [T, B]
  const auto former_baseline = baseline_of(baseline, pass, step);
  if (baseline == kMovingAverage) {
    const auto mean = pass.without_blanks(rewards.detach()).mean(/*dim=*/-1);  // [T]
    step.memory.mul_(decay).add_(mean, 1 - decay);
  }
  return reinforce_objective(pass, drawn, rewards, former_baseline);
}

void configure_reinforce(Loss& loss, const json& settings) {
  const std::string baseline = settings.at("baseline");
  const double decay = settings.at("decay");
  loss.objective = [baseline, decay](Pass& pass, const Step& step) {
    return sampled_objective(baseline, decay, pass, step);
  };
}

}  // namespace

torch::Tensor draw_segments(const torch::Tensor& attention, const torch::Tensor& uniform,
                            const torch::Tensor& absent) {
  const auto m = attention.size(1);
  const auto bounds = attention.cumsum(/*dim=*/1).narrow(/*dim=*/1, 0, m - 1);  // [T, m - 1, B]
  const auto drawn = (bounds <= uniform.unsqueeze(1)).sum(/*dim=*/1);           // [T, B]
  if (!absent.defined()) return drawn;
  // What rounding leaves of [0, 1) beyond the last bound belongs to the last segment there is.
  const auto last = absent.logical_not().sum(/*dim=*/0) - 1;  // [B]
  return torch::minimum(drawn, last);
}

torch::Tensor reinforce_objective(Pass& pass, const torch::Tensor& drawn,
                                  const torch::Tensor& rewards, const torch::Tensor& baseline) {
  TORCH_CHECK(drawn.sizes() == rewards.sizes() && drawn.dim() == 2 && baseline.dim() == 2 &&
                  drawn.size(0) == pass.scores().size(0) && drawn.size(1) == pass.scores().size(2),
              "drawn ", drawn.sizes(), ", rewards ", rewards.sizes(), " and baseline ",
              baseline.sizes(), " do not match scores ", pass.scores().sizes(),
              " (want [T, B], [T, B], [T or 1, B or 1] and [T, m, B])");
  const auto log_a =
      pass.log_attention().gather(/*dim=*/1, drawn.unsqueeze(1)).squeeze(/*dim=*/1);  // [T, B]
  const auto advantage = (rewards - baseline).detach();                               // [T, B]
  return -pass.without_blanks(rewards + advantage * log_a).mean(/*dim=*/-1);
}

Loss reinforce() {
  const Setting baseline = {.key = "baseline",
                            .declaration = {.type = "string",
                                            .default_value = kMovingAverage,
                                            .values = {kNone, kMovingAverage, kExact},
                                            .help = "subtracted from the reward, log p"}};
  const Setting decay = {.key = "decay",
                         .declaration = {.type = "float",
                                         .default_value = 0.9,
                                         .min = 0.0,
                                         .max = 1.0,
                                         .help = "share of the moving average that is kept"}};
  return {.choice = {.name = "reinforce",
                     .help = "hard by one drawn segment per input",
                     .settings = {baseline, decay}},
          .rule = Rule::argmax,
          .value = hard_loss,
          .configure = configure_reinforce};
}

}  // namespace trainer
