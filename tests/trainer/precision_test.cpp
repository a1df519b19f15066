#include "trainer/precision.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "trainer/models/dense.hpp"
#include "trainer/pack_model.hpp"
#include "trainer/registry.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using torch::Tensor;

/// The most that rounding to bfloat16 changes a number, relatively.
constexpr double kRoundoff = 0x1p-8;

const auto kFloats = torch::TensorOptions(torch::kFloat);

// --- guards ---

struct Tf32State {
  bool in_products = at::globalContext().allowTF32CuBLAS();
  bool in_convolutions = at::globalContext().allowTF32CuDNN();
  bool operator==(const Tf32State&) const = default;
};

TEST(Tf32Guard, AllowsTf32WhereItIsThePrecisionAndNowhereElse) {
  for (const auto precision : {Precision::float32, Precision::tf32, Precision::bf16}) {
    const Tf32Guard guard(precision);
    const bool is_allowed = precision == Precision::tf32;
    EXPECT_EQ(Tf32State(), (Tf32State{is_allowed, is_allowed}));
  }
}

TEST(Tf32Guard, LeavesEverythingAsItWasEvenAfterAnException) {
  const Tf32State before;
  ASSERT_NE(before, (Tf32State{true, true}));

  EXPECT_THROW(
      {
        const Tf32Guard guard(Precision::tf32);
        const Tf32Guard inner(Precision::float32);
        throw std::runtime_error("in training");
      },
      std::runtime_error);

  EXPECT_EQ(Tf32State(), before);
}

struct AutocastState {
  torch::DeviceType device;
  bool is_enabled = at::autocast::is_autocast_enabled(device);
  bool keeps_casts = at::autocast::is_autocast_cache_enabled();
  torch::ScalarType type = at::autocast::get_autocast_dtype(device);
  bool operator==(const AutocastState&) const = default;
};

class EveryDevice : public testing::TestWithParam<torch::DeviceType> {};
INSTANTIATE_TEST_SUITE_P(AutocastGuard, EveryDevice, testing::Values(torch::kCPU, torch::kCUDA),
                         [](const auto& device) {
                           return torch::DeviceTypeName(device.param, /*lower_case=*/true);
                         });

TEST_P(EveryDevice, CastsToBfloat16AndKeepsNoCasts) {
  const AutocastGuard guard(Precision::bf16, GetParam());

  EXPECT_EQ(AutocastState{GetParam()}, (AutocastState{GetParam(), true, false, torch::kBFloat16}));
}

TEST_P(EveryDevice, CastsNothingInOtherPrecisions) {
  for (const auto precision : {Precision::float32, Precision::tf32}) {
    const AutocastGuard guard(precision, GetParam());
    EXPECT_FALSE(AutocastState{GetParam()}.is_enabled);
  }
}

TEST_P(EveryDevice, IsLeftAsItWasEvenAfterAnException) {
  const AutocastState before = {GetParam()};

  EXPECT_THROW(
      {
        const AutocastGuard guard(Precision::bf16, GetParam());
        const AutocastGuard inner(Precision::bf16, GetParam());
        throw std::runtime_error("in a network");
      },
      std::runtime_error);

  EXPECT_EQ(AutocastState{GetParam()}, before);
  EXPECT_FALSE(before.is_enabled);
}

// --- products ---

/// To the nearest number with 8 significant bits, to an even last bit among two: by its bits.
float to_bf16(float value) {
  auto bits = std::bit_cast<std::uint32_t>(value);
  bits += 0x7fff + (bits >> 16 & 1);
  return std::bit_cast<float>(bits & 0xffff0000);
}

Tensor dense_in(Precision precision, const Tensor& weight, const Tensor& points) {
  const AutocastGuard guard(precision, torch::kCPU);
  return dense(weight, as_factors(points, precision)).to(torch::kFloat);
}

/// Number by number.  Shapes: float32 [...] -> double [...]
Tensor rounded(const Tensor& numbers) {
  auto rounded = numbers.clone();
  auto* begin = rounded.mutable_data_ptr<float>();
  std::transform(begin, begin + rounded.numel(), begin, to_bf16);
  return rounded.to(torch::kDouble);
}

TEST(Bf16Product, IsThatOfFactorsRoundedToBfloat16) {
  constexpr std::int64_t kFeatures = 37;
  torch::manual_seed(2);
  const auto weight = torch::randn({2, 3, kFeatures}, kFloats);
  const auto points = torch::randn({1, kFeatures, 19}, kFloats);

  const auto product = dense_in(Precision::bf16, weight, points);

  const auto w = rounded(weight);
  const auto x = rounded(points);
  const auto exact = torch::matmul(w, x);
  const auto of_sum = torch::matmul(w.abs(), x.abs()) * (kFeatures * 0x1p-24);  // in float32
  const auto error = (product.to(torch::kDouble) - exact).abs();
  EXPECT_TRUE((error <= exact.abs() * kRoundoff + of_sum).all().item<bool>());
  EXPECT_TRUE(rounded(product).equal(product.to(torch::kDouble)));
}

// Next to 1 the numbers of bfloat16 are 2^-7 apart above it.
TEST(Bf16Product, LosesWhatFactorsHaveBeyondEightBits) {
  const auto weight = torch::tensor({1 + 0x1p-9F, -1.F}).view({1, 1, 2});
  const auto points = torch::ones({1, 2, 1});

  EXPECT_EQ(dense_in(Precision::bf16, weight, points).item<float>(), 0);
  EXPECT_EQ(dense_in(Precision::float32, weight, points).item<float>(), 0x1p-9F);
}

// A sum in bfloat16 would stay at 256, since 257 is none of its numbers.
TEST(Bf16Product, AddsUpInFloat32) {
  const auto points = torch::ones({1, 512, 16});

  const auto product = dense_in(Precision::bf16, torch::ones({3, 2, 512}), points);

  EXPECT_TRUE(product.eq(512).all().item<bool>());
}

// --- models ---

json default_settings(const Choice& choice) {
  json settings = {{"name", choice.name}};
  for (const auto& setting : choice.settings)
    settings[setting.key] = setting.declaration.default_value;
  return settings;
}

constexpr std::int64_t kSegments = 3;
constexpr std::int64_t kInputs = 16;
const DataShape kImages = {
    .segments = kSegments, .features = 144, .classes = 4, .image = ImageShape{1, 12, 12}};
const DataShape kTokens = {.segments = kSegments, .features = 1, .classes = 4, .vocabulary = 30};

/// Random inputs, the first segment of each in the foreground.
Batch batch_of(const DataShape& shape) {
  torch::manual_seed(3);
  auto foreground = torch::zeros({kSegments, kInputs}, torch::kBool);
  foreground[0].fill_(true);
  const auto whole_numbers = torch::TensorOptions(torch::kLong);
  return {
      .segments = shape.vocabulary > 0
                      ? torch::randint(shape.vocabulary, {1, 1, kSegments, kInputs}, whole_numbers)
                      : torch::randn({1, shape.features, kSegments, kInputs}, kFloats),
      .labels = torch::randint(shape.classes, {kInputs}, whole_numbers),
      .foreground = foreground,
      .num_inputs = kInputs};
}

const std::vector<std::int64_t> kSeeds = {0, 1};

Moment no_training() {
  return {.seeds = torch::tensor(kSeeds, torch::kLong), .step = torch::zeros({}, torch::kLong)};
}

struct ModelCase {
  std::string name;
  json changes = json::object();  // of the default settings
  int num_products = 1;           // one after the other, from the inputs to a label
  bool has_relu = true;

  DataShape shape() const {
    return find_kind(model_kinds(), name).reads_tokens ? kTokens : kImages;
  }

  Model in(Precision precision) const {
    auto settings = default_settings(find_kind(model_kinds(), name).choice);
    settings.update(changes);
    auto model = make_model(settings, shape());
    model.precision = precision;
    return model;
  }
};

class EveryModel : public testing::TestWithParam<ModelCase> {
 protected:
  EveryModel() { at::set_num_threads(1); }  // for products as small as these
};

INSTANTIATE_TEST_SUITE_P(Bf16, EveryModel,
                         testing::Values(ModelCase{.name = "linear", .has_relu = false},
                                         ModelCase{.name = "mlp",
                                                   .changes = {{"activation", "tanh"}},
                                                   .num_products = 2,
                                                   .has_relu = false},
                                         ModelCase{.name = "mlp", .num_products = 2},
                                         ModelCase{.name = "nonlinear_focus", .num_products = 2},
                                         ModelCase{.name = "cnn", .num_products = 4},
                                         ModelCase{.name = "embedding", .num_products = 2},
                                         ModelCase{.name = "transformer", .num_products = 6}),
                         [](const auto& model) {
                           return model.param.name + std::to_string(model.index);
                         });

TEST_P(EveryModel, GivesLossesAndMetricsFloat32) {
  const auto model = GetParam().in(Precision::bf16);
  const PackModel pack(model, kSeeds, torch::kCPU);

  auto pass = pack.forward(batch_of(GetParam().shape()), no_training());

  EXPECT_EQ(pass.scores().scalar_type(), torch::kFloat);
  EXPECT_EQ(pass.segment_log_probabilities().scalar_type(), torch::kFloat);
  EXPECT_EQ(pass.blend_logits().scalar_type(), torch::kFloat);
  EXPECT_EQ(pack.parameters().theta().scalar_type(), torch::kFloat);
  for (const auto& loss : losses()) {
    EXPECT_EQ(make_loss(default_settings(loss.choice)).value(pass).scalar_type(), torch::kFloat);
  }
}

/// Of a loss, by the weights.  Shapes: -> [T, P]
Tensor gradient_in(Precision precision, const ModelCase& model_case, const std::string& loss) {
  const auto model = model_case.in(precision);
  PackModel pack(model, kSeeds, torch::kCPU);
  auto pass = pack.forward(batch_of(model_case.shape()), no_training());
  const auto value = make_loss(default_settings(find_kind(losses(), loss).choice)).value(pass);
  pack.parameters().differentiate(value.sum());
  return pack.parameters().grad();
}

// To first order errors add up: a product rounds two factors and its result, on the way forward and
// on the way back. A ReLU besides lets through, or not, what is closer to 0 than its error: a share
// of about 2^-8 of the units, whose gradients are all error, hence a root of it in the norm.
TEST_P(EveryModel, HasGradientsThatAreOffByWhatItsProductsRound) {
  const auto& model = GetParam();
  const auto bound =
      2 * model.num_products * 3 * kRoundoff + (model.has_relu ? std::sqrt(kRoundoff) : 0);
  for (const std::string loss : {"soft", "hard"}) {
    const auto exact = gradient_in(Precision::float32, model, loss);

    const auto rounded = gradient_in(Precision::bf16, model, loss);

    const auto error = ((rounded - exact).norm() / exact.norm()).item<double>();
    EXPECT_EQ(rounded.scalar_type(), torch::kFloat);
    EXPECT_LT(error, bound) << loss;
    EXPECT_GT(error, kRoundoff / 16) << loss << " is not rounded";
  }
}

TEST(PackModelInBf16, CastsWithinItsNetworksAlone) {
  std::vector<bool> in_networks;
  const auto network = [&](std::span<const Tensor> weights, const Tensor& points) {
    in_networks.push_back(at::autocast::is_autocast_enabled(torch::kCPU));
    return dense(weights[0], points);
  };
  const DataShape shape = {.segments = kSegments, .features = 5, .classes = 4};
  const Model model = {.focus = {.weights = dense_weights(5, 1), .forward = network},
                       .classifier = {.weights = dense_weights(5, 4), .forward = network},
                       .precision = Precision::bf16};
  const PackModel pack(model, kSeeds, torch::kCPU);

  auto pass = pack.forward(batch_of(shape), no_training());
  EXPECT_FALSE(at::autocast::is_autocast_enabled(torch::kCPU));
  pass.blend_logits();

  EXPECT_FALSE(at::autocast::is_autocast_enabled(torch::kCPU));
  EXPECT_EQ(in_networks, (std::vector<bool>{true, true}));
}

}  // namespace
}  // namespace trainer
