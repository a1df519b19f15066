// What a pack says of its trained weights against plain sums over inputs: rows of samples, one
// trial at a time, nothing shared with the code under test but the weights and the data's indices.

#include <algorithm>
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "trainer/pack_loop.hpp"
#include "trainer/registry.hpp"

namespace trainer {
namespace {

using torch::Tensor;

constexpr std::int64_t kFeatures = 6;
constexpr std::int64_t kSegments = 4;
constexpr std::int64_t kClasses = 3;
const PackTrials kTrials = {.seeds = {3, 4}, .learning_rates = {.3, .1}};

/// Random inputs, each segment in the foreground with probability .4: none or several of some
/// inputs.
Split make_split(std::int64_t size) {
  return {.points = torch::randn({40, kFeatures}),
          .members = torch::randint(40, {size, kSegments}),
          .labels = torch::randint(kClasses, {size}),
          .foreground = torch::rand({size, kSegments}) < 0.4};
}

PackTask make_task() {
  torch::manual_seed(1);
  const DataShape shape = {.segments = kSegments, .features = kFeatures, .classes = kClasses};
  return {.phases = {{.epochs = 2,
                      .loss = find_kind(losses(), "soft"),
                      .optimizer = {{"name", "sgd"}, {"momentum", 0.9}, {"weight_decay", 0.0}}}},
          .model = make_model({{"name", "linear"}, {"bias", true}, {"start", "uniform"}}, shape),
          .train = Batches(make_split(50), 20),
          .test = Batches(make_split(23), 20),
          .has_all_rules = true};
}

/// What the weights of one trial make of one input.
struct PlainInput {
  Tensor a;                       // [m], attention
  Tensor log_p;                   // [m, C], of each segment
  Tensor scores;                  // [m]
  std::map<Rule, Tensor> p = {};  // [C]
};

PlainInput look_at(const Tensor& x, const Tensor& focus, const Tensor& weight, const Tensor& bias) {
  const auto log_probabilities = [&](const Tensor& points) {
    return torch::log_softmax(torch::matmul(points, weight.t()) + bias, -1);
  };
  const auto scores = torch::matmul(x, focus);
  PlainInput input = {
      .a = torch::softmax(scores, 0), .log_p = log_probabilities(x), .scores = scores};
  input.p[Rule::argmax] = input.log_p[input.a.argmax().item<std::int64_t>()].exp();
  input.p[Rule::mixture] = torch::matmul(input.a, input.log_p.exp());
  input.p[Rule::blend] = log_probabilities(torch::matmul(input.a, x)).exp();
  return input;
}

/// A split under the final weights of one trial, input by input.
std::vector<PlainInput> look_at(const Split& split, const PackTask& task, const Tensor& theta,
                                std::int64_t trial) {
  const Parameters parameters(
      kTrials.seeds, {task.model.focus.weights, task.model.classifier.weights}, torch::kCPU);
  const torch::NoGradGuard no_grad;
  parameters.theta().copy_(theta);
  std::vector<PlainInput> inputs;
  for (std::int64_t i = 0; i < split.size(); ++i) {
    inputs.push_back(look_at(split.points.index_select(0, split.members[i]).to(torch::kDouble),
                             parameters.network(0)[0][trial][0].to(torch::kDouble),
                             parameters.network(1)[0][trial].to(torch::kDouble),
                             parameters.network(1)[1][trial].to(torch::kDouble)));
  }
  return inputs;
}

/// Sums over inputs, and the numbers of inputs to divide them by.
struct Sums {
  Metrics sum = {.logit_gap = 0};
  double num_with_foreground = 0;
  double num_with_score_gap = 0;
};

void add_prediction(Sums& sums, const PlainInput& input, const Tensor& foreground,
                    std::int64_t label, Rule rule) {
  auto& sum = sums.sum;
  const bool is_focused = foreground[input.scores.argmax().item<std::int64_t>()].item<bool>();
  auto& right = is_focused ? sum.ftpt : sum.ffpt;
  auto& wrong = is_focused ? sum.ftpf : sum.ffpf;
  (input.p.at(rule).argmax().item<std::int64_t>() == label ? right : wrong) += 1;
  sum.loss -= std::log(input.p.at(Rule::blend)[label].item<double>());
}

void add_gaps(Sums& sums, const PlainInput& input, const Tensor& foreground, std::int64_t label) {
  double num_front = 0;
  double score_front = 0;
  double logit_gap = 0;
  for (std::int64_t j = 0; j < kSegments; ++j) {
    if (!foreground[j].item<bool>()) continue;
    num_front += 1;
    sums.sum.focus_weight += input.a[j].item<double>();
    score_front += input.scores[j].item<double>();
    for (std::int64_t c = 0; c < kClasses; ++c) {
      const auto gap = (input.log_p[j][label] - input.log_p[j][c]).item<double>();
      logit_gap += gap / (kClasses - 1);  // 0 for the label itself
    }
  }
  if (num_front == 0) return;
  sums.num_with_foreground += 1;
  sums.sum.logit_gap += logit_gap / num_front;
  if (num_front == kSegments) return;
  sums.num_with_score_gap += 1;
  const auto score_behind = input.scores.sum().item<double>() - score_front;
  sums.sum.score_gap += score_front / num_front - score_behind / (kSegments - num_front);
}

Metrics measure(const Split& split, const std::vector<PlainInput>& inputs, Rule rule) {
  Sums sums;
  for (std::int64_t i = 0; i < split.size(); ++i) {
    const auto& input = inputs[static_cast<std::size_t>(i)];
    const auto label = split.labels[i].item<std::int64_t>();
    add_prediction(sums, input, split.foreground[i], label, rule);
    add_gaps(sums, input, split.foreground[i], label);
  }
  const auto& sum = sums.sum;
  const auto N = static_cast<double>(split.size());
  return {.loss = sum.loss / N,
          .accuracy = (sum.ftpt + sum.ffpt) / N,
          .focus_weight = sum.focus_weight / sums.num_with_foreground,
          .focus_score = (sum.ftpt + sum.ftpf) / N,
          .score_gap = sum.score_gap / sums.num_with_score_gap,
          .logit_gap = sum.logit_gap / sums.num_with_foreground,
          .ftpt = sum.ftpt / N,
          .ffpt = sum.ffpt / N,
          .ftpf = sum.ftpf / N,
          .ffpf = sum.ffpf / N};
}

void expect_near(const Metrics& found, const Metrics& expected) {
  for (const auto& metric : kMetrics)
    EXPECT_NEAR(found.*metric.value, expected.*metric.value, 1e-5) << metric.name;
  for (const auto& metric : {kScoreGap, kLogitGap})
    EXPECT_NEAR(found.*metric.value, expected.*metric.value, 1e-5) << metric.name;
}

/// Every split of every trial of one training.
class PlainMeasures : public testing::Test {
 protected:
  void SetUp() override {
    PackListener listener;
    listener.should_save = [] { return true; };
    const auto save = [this](const PackState& state) { theta_ = state.tensors.at("theta"); };
    history_ = train_pack(task_, kTrials, torch::kCPU, listener, {.save = save}).value();
  }

  void for_each(
      const std::function<void(const SplitHistory&, const Split&, const std::vector<PlainInput>&,
                               std::size_t trial)>& expect) {
    for (const std::size_t trial : {0U, 1U}) {
      for (const bool is_test : {false, true}) {
        SCOPED_TRACE((is_test ? "test, trial " : "train, trial ") + std::to_string(trial));
        const auto& split = (is_test ? *task_.test : task_.train).split();
        expect(is_test ? history_.test : history_.train, split,
               look_at(split, task_, theta_, static_cast<std::int64_t>(trial)), trial);
      }
    }
  }

  const PackTask task_ = make_task();
  PackHistory history_ = {};
  Tensor theta_ = {};  // after the last step
};

TEST_F(PlainMeasures, AreTheMetricsUnderEachRule) {
  for_each([](const SplitHistory& history, const Split& split,
              const std::vector<PlainInput>& inputs, std::size_t trial) {
    for (const auto rule : kRules) {
      SCOPED_TRACE(to_string(rule));
      const auto expected = measure(split, inputs, rule);
      expect_near(history.by_rule.at(rule).back()[trial], expected);
      expect_near(history.at_end.at(rule)[trial], expected);
    }
    expect_near(history.own.back()[trial], measure(split, inputs, Rule::blend));
  });
}

/// Counts by comparison with each edge, divided by the number of points.
/// Shapes: x, y [N], edges [6] -> [5, 5]
Tensor count(const std::vector<double>& x, const Tensor& x_edges, const std::vector<double>& y,
             const Tensor& y_edges) {
  const auto bin_of = [](double value, const Tensor& edges) {
    std::int64_t bin = 0;
    while (bin < 4 && value >= edges[bin + 1].item<double>())
      ++bin;
    return bin;
  };
  auto fractions = torch::zeros({5, 5}, torch::kDouble);
  for (std::size_t i = 0; i < x.size(); ++i)
    fractions[bin_of(x[i], x_edges)][bin_of(y[i], y_edges)] += 1 / static_cast<double>(x.size());
  return fractions;
}

Tensor spread(const std::vector<double>& values) {
  const auto [smallest, largest] = std::ranges::minmax(values);
  return torch::linspace(smallest, largest, 6, torch::kDouble);
}

TEST_F(PlainMeasures, AreTheHeatMapsOfInputsWithAForeground) {
  const auto fixed = torch::tensor({0.0, 0.2, 0.4, 0.6, 0.8, 1.0}, torch::kDouble);
  for_each([&](const SplitHistory& history, const Split& split,
               const std::vector<PlainInput>& inputs, std::size_t trial) {
    for (const auto rule : kRules) {
      SCOPED_TRACE(to_string(rule));
      std::vector<double> x;
      std::vector<double> y;
      for (std::int64_t i = 0; i < split.size(); ++i) {
        const auto& input = inputs[static_cast<std::size_t>(i)];
        if (!split.foreground[i].any().item<bool>()) continue;
        x.push_back((input.a * split.foreground[i]).sum().item<double>());
        y.push_back(input.p.at(rule)[split.labels[i].item<std::int64_t>()].item<double>());
      }
      const auto t = static_cast<std::int64_t>(trial);
      const auto& maps = history.heat_maps.by_rule.at(rule);
      EXPECT_TRUE(torch::allclose(maps.fixed[t], count(x, fixed, y, fixed)));
      EXPECT_TRUE(torch::allclose(maps.score_edges[t].to(torch::kDouble), spread(y), 0, 1e-6));
      EXPECT_TRUE(torch::allclose(maps.data_range[t], count(x, spread(x), y, spread(y))));
      EXPECT_DOUBLE_EQ(maps.fixed[t].sum().item<double>(), 1);
      EXPECT_DOUBLE_EQ(maps.data_range[t].sum().item<double>(), 1);
    }
  });
}

}  // namespace
}  // namespace trainer
