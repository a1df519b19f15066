#include <array>
#include <cmath>
#include <map>
#include <span>

#include <gtest/gtest.h>

#include "trainer/pack_loop.hpp"
#include "trainer/registry.hpp"

// Whole trainings on the linear orthogonal data against tables of the study, which come from other
// code and other draws of the data.
namespace trainer {
namespace {

using nlohmann::json;

DataSet linear_orthogonal(int size) {
  return find_kind(data_set_kinds(), "linear_orthogonal")
      .load({{"segments", 20}, {"classes", 20}, {"size", size}, {"seed", 0}});
}

Model linear_model(const DataShape& shape, bool bias, const std::string& start) {
  return make_model({{"name", "linear"}, {"bias", bias}, {"start", start}}, shape);
}

json sgd(double momentum) {
  return {{"name", "sgd"}, {"momentum", momentum}, {"weight_decay", 0.0}};
}

// --- fixed focus ---

constexpr std::array kEpochs = {0, 10, 20, 50, 100};
using Row = std::array<double, 5>;  // at kEpochs

/// Loss and pull of one curve, from the weights of seed 12 and from others on average.
struct FixedFocusCase {
  const char* loss;
  double rate;
  double focus;
  Row losses;
  Row pulls;
  Row other_losses;
  Row other_pulls;
};

constexpr std::array<FixedFocusCase, 15> kFixedFocus = {{
    {"soft",
     .05,
     .2,
     {3.003, 2.825, 2.640, 2.120, 1.407},
     {-.0001, .0084, .0175, .0417, .0677},
     {2.995, 2.817, 2.632, 2.113, 1.402},
     {.0003, .0088, .0178, .0420, .0678}},
    {"soft",
     .05,
     .4,
     {3.006, 2.336, 1.704, .632, .219},
     {-.0001, .0160, .0293, .0351, .0204},
     {2.989, 2.321, 1.692, .628, .218},
     {.0003, .0163, .0295, .0351, .0204}},
    {"soft",
     .05,
     .6,
     {3.010, 1.627, .756, .184, .071},
     {-.0002, .0204, .0246, .0123, .0061},
     {2.984, 1.609, .748, .183, .071},
     {.0002, .0206, .0245, .0123, .0061}},
    {"soft",
     .05,
     .8,
     {3.014, .932, .314, .083, .035},
     {-.0002, .0188, .0130, .0052, .0026},
     {2.980, .918, .311, .083, .035},
     {.0002, .0188, .0129, .0052, .0026}},
    {"soft", .05, 1, {3.018, .484, .158, .047, .021}, {}, {2.976, .477, .157, .047, .021}, {}},
    {"hard",
     .01,
     .2,
     {3.005, 2.964, 2.926, 2.822, 2.679},
     {-.0002, .0016, .0034, .0086, .0158},
     {2.996, 2.956, 2.918, 2.815, 2.673},
     {.0003, .0020, .0038, .0090, .0160}},
    {"hard",
     .01,
     .4,
     {3.008, 2.866, 2.723, 2.367, 2.049},
     {-.0002, .0032, .0068, .0157, .0236},
     {2.991, 2.850, 2.708, 2.357, 2.044},
     {.0003, .0036, .0072, .0159, .0237}},
    {"hard",
     .01,
     .6,
     {3.012, 2.702, 2.398, 1.760, 1.402},
     {-.0002, .0049, .0099, .0206, .0265},
     {2.986, 2.679, 2.377, 1.750, 1.399},
     {.0003, .0053, .0103, .0207, .0266}},
    {"hard",
     .01,
     .8,
     {3.015, 2.477, 1.969, 1.107, .774},
     {-.0002, .0065, .0128, .0236, .0278},
     {2.981, 2.447, 1.944, 1.098, .773},
     {.0003, .0069, .0131, .0237, .0278}},
    {"hard", .01, 1, {3.018, 2.193, 1.457, .453, .158}, {}, {2.976, 2.156, 1.430, .447, .157}, {}},
    {"lvml",
     .05,
     .2,
     {3.003, 2.648, 1.866, 1.492, 1.451},
     {-.0001, .0144, .0332, .0381, .0385},
     {2.995, 2.616, 1.843, 1.491, 1.451},
     {.0003, .0155, .0336, .0381, .0385}},
    {"lvml",
     .05,
     .4,
     {3.006, 1.729, 1.068, .897, .866},
     {-.0001, .0177, .0211, .0217, .0218},
     {2.989, 1.696, 1.063, .897, .866},
     {.0003, .0180, .0212, .0217, .0218}},
    {"lvml",
     .05,
     .6,
     {3.010, 1.128, .662, .528, .500},
     {-.0002, .0140, .0149, .0151, .0152},
     {2.984, 1.109, .659, .528, .500},
     {.0002, .0140, .0149, .0151, .0152}},
    {"lvml",
     .05,
     .8,
     {3.014, .752, .378, .259, .232},
     {-.0002, .0111, .0115, .0116, .0116},
     {2.979, .742, .376, .259, .232},
     {.0002, .0111, .0115, .0116, .0116}},
    {"lvml", .05, 1, {3.018, .484, .158, .047, .021}, {}, {2.976, .477, .157, .047, .021}, {}},
}};

std::ostream& operator<<(std::ostream& out, const FixedFocusCase& fixed) {
  return out << fixed.loss << " at focus " << fixed.focus;
}

/// How far weights from another seed move each value of other_losses and other_pulls.
constexpr Row kOtherLossTolerances = {.06, .05, .05, .015, .01};
constexpr Row kOtherPullTolerances = {.0015, .0015, .0015, .0005, .0005};

/// From the weights of seed 12 and of two others.
Curve train_fixed_focus(const FixedFocusCase& fixed) {
  const auto data = linear_orthogonal(5000);
  const auto model = fix_focus(linear_model(data.shape, /*bias=*/true, "uniform"), fixed.focus);
  const PackTask task = {
      .phases = {{.epochs = 100, .loss = find_kind(losses(), fixed.loss), .optimizer = sgd(0.9)}},
      .model = model,
      .train = Batches(data.train, 256),
      .measures_after_update = true};
  const PackTrials trials = {.seeds = {12, 0, 1},
                             .learning_rates = std::vector<double>(3, fixed.rate)};
  return train_pack(task, trials, torch::kCPU, {}).value().train.own;
}

/// The same, trained once in the life of the process.
const Curve& fixed_focus_curve(const FixedFocusCase& fixed) {
  static std::map<std::pair<std::string, double>, Curve> curves;
  auto& curve = curves[{fixed.loss, fixed.focus}];
  if (curve.empty()) curve = train_fixed_focus(fixed);
  return curve;
}

double mean(std::span<const Metrics> trials, double Metrics::*metric) {
  double sum = 0;
  for (const auto& trial : trials)
    sum += trial.*metric;
  return sum / static_cast<double>(trials.size());
}

class FixedFocusStudy : public testing::TestWithParam<FixedFocusCase> {};

INSTANTIATE_TEST_SUITE_P(LossesAndWeights, FixedFocusStudy, testing::ValuesIn(kFixedFocus),
                         [](const auto& row) {
                           return std::string(row.param.loss) + "_" +
                                  std::to_string(std::lround(100 * row.param.focus));
                         });

TEST_P(FixedFocusStudy, GivesTheCurvesOfTheTables) {
  const auto& expected = GetParam();

  const auto& curves = fixed_focus_curve(expected);

  ASSERT_EQ(curves.size(), 101U);
  for (std::size_t i = 0; i < kEpochs.size(); ++i) {
    SCOPED_TRACE("epoch " + std::to_string(kEpochs[i]));
    const auto& of_seed_12 = curves[static_cast<std::size_t>(kEpochs[i])][0];
    const auto others = std::span(curves[static_cast<std::size_t>(kEpochs[i])]).subspan(1);
    EXPECT_NEAR(of_seed_12.loss, expected.losses[i], .005);
    EXPECT_NEAR(of_seed_12.pull, expected.pulls[i], .0005);
    EXPECT_NEAR(mean(others, &Metrics::loss), expected.other_losses[i], kOtherLossTolerances[i]);
    EXPECT_NEAR(mean(others, &Metrics::pull), expected.other_pulls[i], kOtherPullTolerances[i]);
  }
}

// With one segment attended the losses are the same one, and here so are the rates.
TEST(FixedFocusStudy, GivesSoftAndLvmlTheSameCurveAtFullFocus) {
  const auto& soft = fixed_focus_curve(kFixedFocus[4]);
  const auto& lvml = fixed_focus_curve(kFixedFocus[14]);

  for (std::size_t epoch = 0; epoch < soft.size(); ++epoch)
    EXPECT_NEAR(soft[epoch][0].loss, lvml[epoch][0].loss, 1e-6) << "epoch " << epoch;
}

// --- focus and classifier together ---

/// By step, which is a unit of time; full batches from weights of zero.
Curve train_jointly(const std::string& loss) {
  const auto data = linear_orthogonal(2000);
  const PackTask task = {
      .phases = {{.epochs = 1000, .loss = find_kind(losses(), loss), .optimizer = sgd(0)}},
      .model = linear_model(data.shape, /*bias=*/false, "zero"),
      .train = Batches(data.train, 2000),
      .measures_after_update = true,
      .has_all_rules = true};
  return train_pack(task, {.seeds = {0}, .learning_rates = {1}}, torch::kCPU, {}).value().train.own;
}

/// The same, trained once in the life of the process.
const Curve& joint_curve(const std::string& loss) {
  static std::map<std::string, Curve> curves;
  if (!curves.contains(loss)) curves[loss] = train_jointly(loss);
  return curves.at(loss);
}

double score_gap(const Curve& curve, std::size_t step) {
  return curve[step][0].score_gap;
}

/// The state of the theory: gaps of logits and of scores, and the weight on the foreground.
struct State {
  double mu, nu, alpha;
};

void expect_near(const Metrics& metrics, const State& expected) {
  EXPECT_NEAR(metrics.logit_gap, expected.mu, .03 * expected.mu);
  EXPECT_NEAR(metrics.score_gap, expected.nu, .03 * expected.nu);
  EXPECT_NEAR(metrics.focus_weight, expected.alpha, .03 * expected.alpha);
}

struct JointCase {
  const char* loss;
  State at_800, at_1000;
};

class JointStudy : public testing::TestWithParam<JointCase> {};

INSTANTIATE_TEST_SUITE_P(
    Losses, JointStudy,
    testing::Values(JointCase{"soft", {5.529, 5.193, .902}, {6.278, 5.538, .930}},
                    JointCase{"hard", {4.809, 5.875, .938}, {5.712, 6.797, .978}},
                    JointCase{"lvml", {5.890, 5.713, .940}, {6.315, 6.165, .961}}),
    [](const auto& row) { return row.param.loss; });

TEST_P(JointStudy, EndsAtTheReferenceValues) {
  const auto& expected = GetParam();

  const auto& curve = joint_curve(expected.loss);

  expect_near(curve[800][0], expected.at_800);
  expect_near(curve[1000][0], expected.at_1000);
}

/// The first step from which one curve is above another.
std::size_t crossing(const Curve& above, const Curve& below) {
  std::size_t step = above.size();
  while (step > 0 && score_gap(above, step - 1) > score_gap(below, step - 1))
    --step;
  return step;
}

// The theory has hard overtake soft at 677.9 and lvml at 745.8, and soft never overtake lvml.
TEST(JointStudy, HasTheCrossingsOfTheTheory) {
  const auto& soft = joint_curve("soft");
  const auto& hard = joint_curve("hard");
  const auto& lvml = joint_curve("lvml");

  EXPECT_NEAR(static_cast<double>(crossing(hard, soft)), 677.9, .05 * 677.9);
  EXPECT_NEAR(static_cast<double>(crossing(hard, lvml)), 745.8, .05 * 745.8);
  for (std::size_t step = 100; step < soft.size(); step += 100)
    EXPECT_GT(score_gap(lvml, step), score_gap(soft, step)) << "step " << step;
}

}  // namespace
}  // namespace trainer
