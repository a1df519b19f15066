#include "trainer/phase_work.hpp"

#include <ATen/record_function.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <torch/library.h>

#include "trainer/registry.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using torch::Tensor;

json default_settings(const Choice& choice) {
  json settings = {{"name", choice.name}};
  for (const auto& setting : choice.settings)
    settings[setting.key] = setting.declaration.default_value;
  return settings;
}

const DataShape kImages = {
    .segments = 3, .features = 3 * 20 * 20, .classes = 4, .image = ImageShape{3, 20, 20}};
const DataShape kTokens = {.segments = 3, .features = 1, .classes = 4, .vocabulary = 30};

/// A batch that holds no numbers: whoever reads it gets an exception.
Batch unreadable_batch(const DataShape& shape) {
  const auto floats = torch::TensorOptions(torch::kFloat).device(torch::kMeta);
  const auto has_tokens = shape.vocabulary > 0;
  const auto segments = torch::empty({1, shape.features, shape.segments, 16},
                                     floats.dtype(has_tokens ? torch::kLong : torch::kFloat));
  const auto mask = torch::empty({shape.segments, 16}, floats.dtype(torch::kBool));
  return {.segments = segments,
          .labels = torch::empty({16}, floats.dtype(torch::kLong)),
          .foreground = mask,
          .num_inputs = 13,
          .absent = has_tokens ? mask : Tensor()};
}

/// While it lives, counts the copies from one kind of device to another, either way.
class CopyWatch {
 public:
  CopyWatch() {
    num_copies() = 0;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback(&see).needsInputs(true).scopes({at::RecordScope::FUNCTION}));
  }
  ~CopyWatch() { at::removeCallback(handle_); }
  CopyWatch(const CopyWatch&) = delete;
  CopyWatch& operator=(const CopyWatch&) = delete;

  int count() const { return num_copies(); }

 private:
  static int& num_copies() {
    static int count = 0;
    return count;
  }

  static std::unique_ptr<at::ObserverContext> see(const at::RecordFunction& function) {
    const std::string_view name = function.name();
    if (name != "aten::copy_") return nullptr;
    const auto inputs = function.inputs();
    if (inputs[0].toTensor().device() != inputs[1].toTensor().device()) ++num_copies();
    return nullptr;
  }

  at::CallbackHandle handle_ = 0;
};

TEST(CopyWatch, SeesACopyBetweenDevices) {
  const auto unreadable = torch::empty({2}, torch::TensorOptions(torch::kMeta));
  const CopyWatch watch;

  unreadable.copy_(torch::ones({2}));
  torch::ones({2}).to(torch::kMeta);

  EXPECT_EQ(watch.count(), 2);
}

// LibTorch knows the shapes that these make in Python only. Our convolutions have a stride of one
// and no padding.

Tensor& shape_of_values(const Tensor& values, Tensor& out) {
  out.resize_(values.sizes());
  return out;
}

Tensor& shape_of_both(const Tensor& a, const Tensor& b, Tensor& out) {
  out.resize_(at::infer_size(a.sizes(), b.sizes()));
  return out;
}

Tensor shape_of_where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  const auto sizes = at::infer_size(condition.sizes(), at::infer_size(a.sizes(), b.sizes()));
  return torch::empty(sizes, condition.options().dtype(torch::result_type(a, b)));
}

Tensor shape_of_index_select(const Tensor& values, std::int64_t dim, const Tensor& index) {
  return values.narrow(dim, 0, 1).repeat_interleave(index.numel(), dim);
}

Tensor shape_of_embedding_backward(const Tensor& grad, const Tensor& /*index*/, std::int64_t rows,
                                   std::int64_t /*padding*/, bool /*scales_by_frequency*/) {
  return torch::empty({rows, grad.size(-1)}, grad.options());
}

Tensor shape_of_convolution(const Tensor& input, const Tensor& weight,
                            const std::optional<Tensor>& /*bias*/, torch::IntArrayRef /*stride*/,
                            torch::IntArrayRef /*padding*/, torch::IntArrayRef /*dilation*/,
                            bool /*is_transposed*/, torch::IntArrayRef /*output_padding*/,
                            std::int64_t /*groups*/) {
  const auto height = input.size(2) - weight.size(2) + 1;
  const auto width = input.size(3) - weight.size(3) + 1;
  return torch::empty({input.size(0), weight.size(0), height, width}, input.options());
}

std::tuple<Tensor, Tensor, Tensor> shapes_of_convolution_backward(
    const Tensor& grad, const Tensor& input, const Tensor& weight, torch::IntArrayRef /*stride*/,
    torch::IntArrayRef /*padding*/, torch::IntArrayRef /*dilation*/, bool /*is_transposed*/,
    torch::IntArrayRef /*output_padding*/, std::int64_t /*groups*/,
    std::array<bool, 3> /*wanted*/) {
  return {torch::empty_like(input), torch::empty_like(weight),
          torch::empty({weight.size(0)}, grad.options())};
}

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("abs.out", TORCH_FN(shape_of_values));
  library.impl("logical_not.out", TORCH_FN(shape_of_values));
  library.impl("logical_and.out", TORCH_FN(shape_of_both));
  library.impl("logical_or.out", TORCH_FN(shape_of_both));
  library.impl("where.self", TORCH_FN(shape_of_where));
  library.impl("embedding_dense_backward", TORCH_FN(shape_of_embedding_backward));
  library.impl("index_select", TORCH_FN(shape_of_index_select));
  library.impl("convolution_overrideable", TORCH_FN(shape_of_convolution));
  library.impl("convolution_backward_overrideable", TORCH_FN(shapes_of_convolution_backward));
}

const std::vector<std::int64_t> kSeeds = {0, 1};

/// Some steps and measurements on a device without memory.
void expect_no_read(const PackTask& task, PackModel& model, const Batch& batch) {
  PhaseWork work(task, task.phases[0], model,
                 {.seeds = torch::tensor(kSeeds, torch::kLong).to(torch::kMeta),
                  .rates = torch::full({2, 1}, 0.1).to(torch::kMeta),
                  .is_finite = torch::ones({2}, torch::kBool).to(torch::kMeta)});
  const CopyWatch watch;

  EXPECT_NO_THROW({
    for (int i = 0; i < 2; ++i) {
      work.begin_batch(/*epoch=*/1, i);
      work.train(batch);
      work.measure(batch);
    }
  });

  EXPECT_EQ(watch.count(), 0);
}

/// Under each loss and optimiser, with and without measuring after updates.
void expect_no_read(const Model& model, const DataShape& shape) {
  PackModel pack(model, kSeeds, torch::kMeta);
  for (const auto& loss : losses()) {
    for (const auto& optimizer : optimizer_kinds()) {
      for (const bool measures : {false, true}) {
        SCOPED_TRACE(loss.choice.name + ", " + optimizer.choice.name +
                     (measures ? ", after update" : ""));
        const PackTask task = {.phases = {{.loss = make_loss(default_settings(loss.choice)),
                                           .optimizer = default_settings(optimizer.choice)}},
                               .model = model,
                               .measures_after_update = measures,
                               .has_all_rules = measures};
        expect_no_read(task, pack, unreadable_batch(shape));
      }
    }
  }
}

const DataShape kSmall = {.segments = 3, .features = 5, .classes = 4};

Batch random_batch(const DataShape& shape) {
  return {.segments = torch::randn({1, shape.features, shape.segments, 16}),
          .labels = torch::randint(shape.classes, {16}, torch::kLong),
          .foreground =
              torch::one_hot(torch::randint(shape.segments, {16}, torch::kLong), shape.segments)
                  .t()
                  .to(torch::kBool),
          .num_inputs = 13};
}

/// Two trials of the linear model in a phase of the loss "hard", on a CPU.
struct HardWork {
  Model model = make_model({{"name", "linear"}, {"bias", true}, {"start", "uniform"}}, kSmall);
  PackTask task = {.phases = {{.loss = make_loss({{"name", "hard"}}),
                               .optimizer = default_settings(optimizer_kinds()[0].choice)}},
                   .model = model};
  PackModel pack{model, kSeeds, torch::kCPU};
  PhaseWork work{task,
                 task.phases[0],
                 pack,
                 {.seeds = torch::tensor(kSeeds, torch::kLong),
                  .rates = torch::full({2, 1}, 0.1),
                  .is_finite = torch::ones({2}, torch::kBool)}};
};

TEST(PhaseWork, TrainsOnWhatItMeasuredAheadAsOnWhatItLooksAtAgain) {
  torch::manual_seed(1);
  const auto batch = random_batch(kSmall);
  HardWork once, twice;
  for (std::int64_t step = 0; step < 2; ++step) {
    once.work.begin_batch(1, 0);
    once.work.measure_ahead(batch);
    once.work.train(batch);
    twice.work.begin_batch(1, 0);
    twice.work.measure(batch);
    twice.work.train(batch);
  }

  EXPECT_TRUE(once.pack.parameters().theta().equal(twice.pack.parameters().theta()));
  EXPECT_TRUE(once.work.measured().state().nan_to_num(-1).equal(
      twice.work.measured().state().nan_to_num(-1)));
}

TEST(PhaseWork, RefusesToTrainOnAnotherBatchThanItMeasuredAhead) {
  const auto batch = random_batch(kSmall);
  HardWork hard;
  hard.work.begin_batch(1, 0);
  hard.work.measure_ahead(batch);

  hard.work.begin_batch(1, 1);

  EXPECT_THROW(hard.work.train(batch), c10::Error);
}

TEST(PhaseWork, AStepThatReadsTheDeviceIsFound) {
  const auto model =
      make_model({{"name", "linear"}, {"bias", true}, {"start", "uniform"}}, kImages);
  PackModel pack(model, kSeeds, torch::kMeta);
  PackTask task = {.phases = {{.loss = make_loss({{"name", "soft"}}),
                               .optimizer = default_settings(optimizer_kinds()[0].choice)}},
                   .model = model};
  auto& value = task.phases[0].loss.value;
  value = [soft = value](Pass& pass) { return soft(pass) / pass.scores().max().item<float>(); };

  EXPECT_NONFATAL_FAILURE(expect_no_read(task, pack, unreadable_batch(kImages)), "meta");
}

TEST(PhaseWork, NoStepReadsTheDevice) {
  for (const auto& kind : model_kinds()) {
    SCOPED_TRACE(kind.choice.name);
    const auto& shape = kind.reads_tokens ? kTokens : kImages;
    expect_no_read(make_model(default_settings(kind.choice), shape), shape);
  }
}

// Where results are larger than points, the points of dense layers get ones beside them.
TEST(PhaseWork, NoStepWithMoreUnitsThanFeaturesReadsTheDevice) {
  for (const auto* name : {"linear", "mlp", "nonlinear_focus"}) {
    SCOPED_TRACE(name);
    const auto& kind = find_kind(model_kinds(), name);
    expect_no_read(make_model(default_settings(kind.choice), kSmall), kSmall);
  }
}

TEST(PhaseWork, NoStepWithAFixedFocusReadsTheDevice) {
  const auto model =
      make_model({{"name", "linear"}, {"bias", true}, {"start", "uniform"}}, kImages);

  expect_no_read(fix_focus(model, 0.4), kImages);
}

TEST(PhaseWork, NoStepWithATransformerAsPublishedReadsTheDevice) {
  auto settings = default_settings(find_kind(model_kinds(), "transformer").choice);
  settings.update({{"position", "batch"}, {"mask", "tiled"}, {"eval_dropout", true}});

  expect_no_read(make_model(settings, kTokens), kTokens);
}

}  // namespace
}  // namespace trainer
