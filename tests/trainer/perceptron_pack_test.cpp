#include "trainer/models/perceptron_pack.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

namespace trainer {
namespace {

struct Sizes {
  std::int64_t trials, in, hidden, out, points;
  bool shares_points = true;
  bool has_out_bias = true;
};

std::ostream& operator<<(std::ostream& stream, const Sizes& sizes) {
  return stream << sizes.trials << " times " << sizes.in << "-" << sizes.hidden << "-" << sizes.out
                << ", " << sizes.points << (sizes.shares_points ? " shared" : "") << " points";
}

/// Rows in every number that is treated apart, points that fill vectors and blocks and do not.
const std::vector<Sizes> kSizes = {{2, 1, 1, 1, 1},
                                   {2, 3, 2, 2, 15},
                                   {3, 5, 3, 3, 16},
                                   {2, 4, 4, 4, 17, false},
                                   {2, 7, 5, 5, 31},
                                   {2, 6, 6, 6, 200, false},
                                   {2, 9, 7, 10, 1000},
                                   {1, 64, 50, 10, 1800},
                                   {3, 64, 50, 1, 1800, true, false},
                                   {2, 300, 13, 3, 700, false}};

const std::vector<Activation> kActivations = {Activation::relu, Activation::tanh};

PerceptronPack draw_pack(const Sizes& sizes, torch::ScalarType type) {
  const auto draw = [type](at::IntArrayRef shape, std::int64_t fan_in) {
    return (torch::randn(shape, type) / std::sqrt(static_cast<double>(fan_in))).requires_grad_();
  };
  const auto [trials, in, hidden, out, points, shares_points, has_out_bias] = sizes;
  return {.weight = draw({trials, hidden, in}, in),
          .bias = draw({trials, hidden}, 1),
          .out_weight = draw({trials, out, hidden}, hidden),
          .out_bias = has_out_bias ? draw({trials, out}, 1) : torch::Tensor()};
}

torch::Tensor draw_points(const Sizes& sizes, torch::ScalarType type) {
  return torch::randn({sizes.shares_points ? 1 : sizes.trials, sizes.in, sizes.points}, type)
      .requires_grad_();
}

/// By the tensor library's own operators.
torch::Tensor by_operators(const PerceptronPack& pack, const torch::Tensor& points,
                           Activation activation) {
  const auto sums = torch::matmul(pack.weight, points) + pack.bias.unsqueeze(-1);
  const auto units = activation == Activation::tanh ? sums.tanh() : sums.relu();
  const auto outputs = torch::matmul(pack.out_weight, units);
  return pack.out_bias.defined() ? outputs + pack.out_bias.unsqueeze(-1) : outputs;
}

/// The outputs and the gradients of their weighted sum: of the points and of all weights.
std::vector<torch::Tensor> differentiate(const PerceptronPack& pack, const torch::Tensor& points,
                                         const torch::Tensor& outputs,
                                         const torch::Tensor& factors) {
  std::vector<torch::Tensor> inputs = {points, pack.weight, pack.bias, pack.out_weight};
  if (pack.out_bias.defined()) inputs.push_back(pack.out_bias);
  auto gradients = torch::autograd::grad({(outputs * factors).sum()}, inputs);
  gradients.push_back(outputs.detach());
  return gradients;
}

/// In units of the largest number.
double largest_difference(const torch::Tensor& ours, const torch::Tensor& theirs) {
  return ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
}

void expect_operators_results(torch::ScalarType type, double tolerance) {
  torch::manual_seed(1);
  for (const auto& sizes : kSizes) {
    for (const auto activation : kActivations) {
      const auto pack = draw_pack(sizes, type);
      const auto points = draw_points(sizes, type);
      const auto factors = torch::randn({sizes.trials, sizes.out, sizes.points}, type);

      const auto ours =
          differentiate(pack, points, run_perceptrons(pack, points, activation), factors);

      const auto theirs =
          differentiate(pack, points, by_operators(pack, points, activation), factors);
      for (std::size_t i = 0; i < ours.size(); ++i) {
        ASSERT_EQ(ours[i].sizes(), theirs[i].sizes()) << sizes << ", tensor " << i;
        ASSERT_LT(largest_difference(ours[i], theirs[i]), tolerance) << sizes << ", tensor " << i;
      }
    }
  }
}

TEST(PerceptronPack, HasTheOutputsAndGradientsOfAutogradInDouble) {
  expect_operators_results(torch::kDouble, 1e-12);
}

TEST(PerceptronPack, HasTheOutputsAndGradientsOfAutogradInSinglePrecision) {
  expect_operators_results(torch::kFloat, 1e-4);
}

TEST(PerceptronPack, OfATrialIsTheSameInAnyPack) {
  for (const auto& sizes : {Sizes{8, 64, 50, 10, 1800}, Sizes{8, 64, 50, 1, 200, false, false}}) {
    for (const auto activation : kActivations) {
      const auto pack = draw_pack(sizes, torch::kFloat);
      const auto points = draw_points(sizes, torch::kFloat);
      const auto factors = torch::randn({sizes.trials, sizes.out, sizes.points});
      const auto together =
          differentiate(pack, points, run_perceptrons(pack, points, activation), factors);
      for (std::int64_t t = 0; t < sizes.trials; ++t) {
        const auto of_trial = [t](const torch::Tensor& tensor) {
          return tensor.defined() ? tensor.narrow(0, t, 1).detach().clone().requires_grad_()
                                  : tensor;
        };
        const PerceptronPack single = {of_trial(pack.weight), of_trial(pack.bias),
                                       of_trial(pack.out_weight), of_trial(pack.out_bias)};
        const auto own_points = sizes.shares_points ? points : of_trial(points);

        const auto alone =
            differentiate(single, own_points, run_perceptrons(single, own_points, activation),
                          factors.narrow(0, t, 1));

        const std::size_t first = sizes.shares_points ? 1 : 0;  // those of points are summed
        for (std::size_t i = first; i < alone.size(); ++i)
          EXPECT_TRUE(torch::equal(alone[i][0], together[i][t])) << sizes << ", tensor " << i;
      }
    }
  }
}

TEST(PerceptronPack, IsTheSameWithAndWithoutGradients) {
  for (const auto& sizes : kSizes) {
    const auto pack = draw_pack(sizes, torch::kFloat);
    const auto points = draw_points(sizes, torch::kFloat);

    const auto with = run_perceptrons(pack, points, Activation::tanh);

    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(torch::equal(run_perceptrons(pack, points, Activation::tanh), with)) << sizes;
  }
}

TEST(PerceptronPack, TakesTensorsThatAreNotContiguous) {
  const Sizes sizes = {.trials = 2, .in = 6, .hidden = 7, .out = 3, .points = 40};
  auto pack = draw_pack(sizes, torch::kDouble);
  pack.weight = torch::randn({2, 6, 7}, torch::kDouble).transpose(1, 2).requires_grad_();
  const auto points = torch::randn({1, 40, 6}, torch::kDouble).transpose(1, 2).requires_grad_();
  const auto factors = torch::randn({2, 40, 3}, torch::kDouble).transpose(1, 2);

  const auto ours =
      differentiate(pack, points, run_perceptrons(pack, points, Activation::tanh), factors);

  const auto theirs =
      differentiate(pack, points, by_operators(pack, points, Activation::tanh), factors);
  for (std::size_t i = 0; i < ours.size(); ++i)
    EXPECT_LT(largest_difference(ours[i], theirs[i]), 1e-12) << i;
}

TEST(PerceptronPack, RefusesShapesThatDoNotMatch) {
  const Sizes sizes = {.trials = 3, .in = 6, .hidden = 7, .out = 4, .points = 40};
  const auto run_with = [&](const torch::Tensor& points, const auto& change) {
    auto pack = draw_pack(sizes, torch::kFloat);
    change(pack);
    return run_perceptrons(pack, points, Activation::relu);
  };
  const auto points = torch::randn({1, 6, 40});
  const auto nothing = [](PerceptronPack& /*pack*/) {};

  EXPECT_NO_THROW(run_with(points, nothing));
  EXPECT_THROW(run_with(torch::randn({2, 6, 40}), nothing), c10::Error) << "of 2 in 3 trials";
  EXPECT_THROW(run_with(torch::randn({1, 5, 40}), nothing), c10::Error) << "other features";
  EXPECT_THROW(run_with(torch::randn({6, 40}), nothing), c10::Error) << "no trials";
  EXPECT_THROW(run_with(points, [](auto& pack) { pack.bias = torch::zeros({3, 6}); }), c10::Error);
  EXPECT_THROW(run_with(points,
                        [](auto& pack) {
                          pack.out_weight = torch::zeros({3, 4, 6});
                        }),
               c10::Error);
  EXPECT_THROW(run_with(points,
                        [](auto& pack) {
                          pack.out_bias = torch::zeros({3, 3});
                        }),
               c10::Error);
}

TEST(PerceptronPack, OfNoPointsHasNoOutputs) {
  const Sizes sizes = {.trials = 2, .in = 6, .hidden = 7, .out = 3, .points = 0};
  const auto pack = draw_pack(sizes, torch::kFloat);

  const auto outputs = run_perceptrons(pack, draw_points(sizes, torch::kFloat), Activation::tanh);

  EXPECT_EQ(outputs.sizes(), torch::IntArrayRef({2, 3, 0}));
  const auto gradient = torch::autograd::grad({outputs.sum()}, {pack.weight})[0];
  EXPECT_EQ(gradient.abs().max().item<float>(), 0);
}

TEST(PerceptronPack, WhoseWeightsAreNotNumbersLeavesTheOthers) {
  const Sizes sizes = {.trials = 3, .in = 6, .hidden = 7, .out = 3, .points = 40};
  const auto pack = draw_pack(sizes, torch::kFloat);
  const auto points = draw_points(sizes, torch::kFloat);
  const auto factors = torch::ones({3, 3, 40});
  const auto results_of = [&] {
    return differentiate(pack, points, run_perceptrons(pack, points, Activation::tanh), factors);
  };
  const auto before = results_of();
  {
    const torch::NoGradGuard no_grad;
    pack.weight[1].fill_(std::nan(""));
  }

  const auto after = results_of();

  EXPECT_TRUE(after.back()[1].isnan().all().item<bool>());
  for (std::size_t i = 1; i < after.size(); ++i)
    for (const std::int64_t t : {0, 2})
      EXPECT_TRUE(torch::equal(after[i][t], before[i][t])) << i;
}

TEST(PerceptronPack, LeavesReducedPrecisionToTheTensorLibrary) {
  const Sizes sizes = {.trials = 2, .in = 6, .hidden = 7, .out = 3, .points = 40};
  const auto pack = draw_pack(sizes, torch::kFloat);
  const auto points = draw_points(sizes, torch::kFloat);
  at::autocast::set_autocast_enabled(at::kCPU, true);

  const auto outputs = run_perceptrons(pack, points, Activation::tanh);

  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  EXPECT_EQ(outputs.scalar_type(), torch::kBFloat16);
}

/// tanh of each value: of a network whose other factors are 1.
std::vector<float> tanh_of(const std::vector<float>& values) {
  const torch::NoGradGuard no_grad;
  const auto size = static_cast<std::int64_t>(values.size());
  const PerceptronPack pack = {torch::ones({1, 1, 1}), torch::zeros({1, 1}), torch::ones({1, 1, 1}),
                               torch::Tensor()};
  const auto out =
      run_perceptrons(pack, torch::tensor(values).view({1, 1, size}), Activation::tanh);
  const auto* begin = out.const_data_ptr<float>();
  return {begin, begin + size};
}

TEST(PerceptronTanh, IsItsValueToSinglePrecision) {
  std::vector<float> arguments;
  for (double x = 1e-6; x < 12; x += 1e-4)
    arguments.push_back(static_cast<float>(x));
  const auto values = tanh_of(arguments);

  for (std::size_t i = 0; i < values.size(); ++i) {
    const double expected = std::tanh(static_cast<double>(arguments[i]));
    ASSERT_NEAR(values[i] / expected, 1, 5e-7) << arguments[i];
    ASSERT_LE(values[i], 1);
  }
}

TEST(PerceptronTanh, IsOdd) {
  for (const float x : {1e-30F, 1e-3F, 0.5F, 3.F, 8.999F, 50.F}) {
    const auto values = tanh_of({x, -x});
    EXPECT_EQ(values[0], -values[1]) << x;
  }
  EXPECT_EQ(tanh_of({0})[0], 0);
}

TEST(PerceptronTanh, LeavesWhatIsNotANumber) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto values = tanh_of({std::nanf(""), kInfinity, -kInfinity});
  EXPECT_TRUE(std::isnan(values[0]));
  EXPECT_EQ(values[1], 1);
  EXPECT_EQ(values[2], -1);
}

TEST(PerceptronPack, ReluLeavesWhatIsNotANumber) {
  const torch::NoGradGuard no_grad;
  const PerceptronPack pack = {torch::ones({1, 1, 1}), torch::zeros({1, 1}), torch::ones({1, 1, 1}),
                               torch::Tensor()};

  const auto outputs =
      run_perceptrons(pack, torch::full({1, 1, 37}, std::nan("")), Activation::relu);

  EXPECT_TRUE(outputs.isnan().all().item<bool>());
}

}  // namespace
}  // namespace trainer
