#include "trainer/focus_classification.hpp"

#include <algorithm>
#include <chrono>
#include <memory>

#define XXH_INLINE_ALL  // header only
#include <xxhash.h>

#include "trainer/datasets/data_cache.hpp"
#include "trainer/device.hpp"
#include "trainer/focus_variables.hpp"
#include "trainer/optimizers.hpp"
#include "trainer/pack_file.hpp"
#include "trainer/pack_loop.hpp"
#include "trainer/pack_speed.hpp"
#include "trainer/pack_width.hpp"
#include "trainer/registry.hpp"
#include "trainer/width_table.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kName = "focus_classification";
constexpr int kVersion = 9;  // raise it whenever equal settings would give other results
constexpr const char* kPhases = "phases";
constexpr const char* kAfterUpdate = "after_update";
constexpr const char* kEpoch0 = "epoch0";
constexpr const char* kLastBatch = "last_batch";
constexpr const char* kJoint = "joint";  // focus and classifier
constexpr const char* kPrecision = "precision";
constexpr std::int64_t kDefaultSeed = 0;
constexpr double kDefaultLearningRate = 0.05;

Setting epochs() {
  return whole_number("epochs", 30, 1, "passes over the training set");
}

Section loss() {
  return {.key = "loss", .selector = "name", .choices = choices_of(losses())};
}

Section optimizer() {
  return {.key = "optimizer",
          .selector = "name",
          .default_choice = "sgd",
          .choices = choices_of(optimizer_kinds())};
}

Setting focus() {
  return {.key = "focus",
          .declaration = {.type = "float",
                          .default_value = kJoint,
                          .min = 0,
                          .max = 1,
                          .values = {kJoint},
                          .help = "joint: it learns too; a number above 0: the fixed weight on the "
                                  "foreground, and the classifier learns alone"}};
}

/// One loss after another; a phase may have an optimiser and a learning rate of its own.
List phases() {
  auto required_epochs = epochs();
  required_epochs.is_required = true;
  const Setting learning_rate = {
      .key = "learning_rate",
      .declaration = {.type = "float", .min = 0.0, .help = "in place of the trial's"}};
  auto own_optimizer = optimizer();
  own_optimizer.is_optional = true;
  return {.key = kPhases,
          .help =
              "in place of loss and epochs, one after the other, each with a fresh optimizer: "
              "[{loss: soft, epochs: 20}, {loss: hard, epochs: 10, learning_rate: 0.01}]",
          .settings = {required_epochs, learning_rate},
          .sections = {loss(), own_optimizer}};
}

Schema make_schema() {
  return {
      .settings =
          {one_of("study", kName, {kName}, "this study"), epochs(),
           whole_number("batch_size", 250, 1, "inputs per update; the last batch may be short"),
           one_of("order", "shared", {"shared", "shuffled"},
                  "of the inputs: that of the data set, or drawn anew for each epoch; "
                  "the same for every trial"),
           one_of("train_metrics", "epoch_end", {"epoch_end", kAfterUpdate},
                  "over the whole training set after each epoch, or over its "
                  "batches, each right after its update, where losses are means of batches"),
           one_of(kEpoch0, "all_batches", {"all_batches", kLastBatch},
                  "entry 0 of curves after_update: the mean over batches like the others, or "
                  "the last batch alone as in a published script"),
           focus(),
           one_of(kPrecision, "float32", {"float32", "tf32", "bf16"},
                  "what products and convolutions round their factors to, at a fraction of 23, 10 "
                  "or 7 bits; on a CPU tf32 is float32"),
           one_of("rules", "own", {"own", "all"},
                  "whose curves are kept: that of the loss alone, or also those of all "
                  "three, train_accuracy_argmax and so on, and of the logit gap; of the end "
                  "all are kept anyway")},
      .sections = {{.key = "model",
                    .selector = "name",
                    .default_choice = "mlp",
                    .choices = choices_of(model_kinds())},
                   loss(),
                   optimizer(),
                   {.key = "dataset", .selector = "kind", .choices = choices_of(data_set_kinds())}},
      .lists = {phases()}};
}

/// In their canonical form: loss and epochs, or phases that each name everything.
Resolved resolve_one_by_one(json given) {
  if (!given.is_object() || !given.contains(kPhases) || given[kPhases].is_null()) {
    return resolve(make_schema(), given);
  }
  auto schema = make_schema();
  std::vector<protocol::Problem> problems;
  for (const std::string key : {"loss", "epochs"}) {
    if (given.contains(key) && !given[key].is_null()) {
      problems.push_back({.key = key,
                          .problem = "does not go together with phases",
                          .hint = "every phase has its own",
                          .index = {}});
    }
    given.erase(key);
    std::erase_if(schema.settings, [&](const Setting& setting) { return setting.key == key; });
    std::erase_if(schema.sections, [&](const Section& section) { return section.key == key; });
  }
  auto resolved = resolve(schema, given);
  problems.insert(problems.end(), resolved.problems.begin(), resolved.problems.end());
  if (!problems.empty()) return {.settings = resolved.settings, .problems = problems};
  for (auto& phase : resolved.settings[kPhases])
    if (!phase.contains("optimizer")) phase["optimizer"] = resolved.settings["optimizer"];
  resolved.settings.erase("optimizer");
  return resolved;
}

bool is_equal(const json& settings, const std::string& key, const json& value) {
  return settings.contains(key) && settings[key] == value;
}

/// The settings in their canonical form, with all problems that need no data.
Resolved resolve_focus(json given) {
  auto resolved = resolve_one_by_one(std::move(given));
  const auto& settings = resolved.settings;
  const auto report = [&](const std::string& key, const std::string& problem,
                          const std::string& hint) {
    resolved.problems.push_back({.key = key, .problem = problem, .hint = hint, .index = {}});
  };
  if (is_equal(settings, kEpoch0, kLastBatch) &&
      !is_equal(settings, "train_metrics", kAfterUpdate)) {
    report(kEpoch0, "does not apply to metrics of the whole training set",
           "needs train_metrics: after_update");
  }
  if (is_equal(settings, "focus", 0.0)) {
    report("focus", "must be above 0", "1 is all of the attention");
  }
  return resolved;
}

/// The phases of sound settings; loss and epochs are a single one.
std::vector<Phase> phases_of(const json& settings) {
  const auto list = settings.contains(kPhases) ? settings[kPhases] : json::array({settings});
  std::vector<Phase> phases;
  for (const auto& phase : list) {
    phases.push_back({.epochs = phase.at("epochs"),
                      .loss = make_loss(phase.at("loss")),
                      .optimizer = phase.at("optimizer")});
    if (phase.contains("learning_rate")) phases.back().learning_rate = phase["learning_rate"];
  }
  return phases;
}

protocol::StudyDeclaration declare() {
  return {.version = kVersion,
          .settings = declarations(make_schema()),
          .variables = declare_focus_variables(),
          .headline = focus_headline()};
}

DataSummary describe_data(const json& settings) {
  return find_data_set_kind(settings).describe(settings);
}

bool is_sound(const std::vector<protocol::Problem>& problems, const std::string& section) {
  return std::ranges::none_of(problems, [&](const protocol::Problem& problem) {
    return problem.key == section || problem.key.starts_with(section + ".");
  });
}

/// Throws: SettingError.
Model model_of(const json& settings, const DataShape& shape) {
  auto model = make_model(settings.at("model"), shape);
  model.precision = find_precision(settings.at(kPrecision));
  const auto& focus = settings.at("focus");
  return focus == kJoint ? model : fix_focus(std::move(model), focus);
}

/// What decides how fast packs of such trials train, as a name.
std::string shape_name(const json& settings, const PackTask& task, const DataShape& shape) {
  const json name = {{"model", settings.at("model")},
                     {"focus", settings.at("focus")},
                     {kPrecision, settings.at(kPrecision)},
                     {"loss", task.phases.front().loss.choice.name},
                     {"optimizer", task.phases.front().optimizer.at("name")},
                     {"batch_size", settings.at("batch_size")},
                     {"train_metrics", settings.at("train_metrics")},
                     {"rules", settings.at("rules")},
                     {"segments", shape.segments},
                     {"features", shape.features},
                     {"classes", shape.classes},
                     {"vocabulary", shape.vocabulary}};
  return name.dump();
}

/// At most `limit`, which is all there is to go by on a CPU or where nothing may be kept: on a CPU
/// the rule of thumb is as good as a measurement, and every start would have to wait for that.
int measured_width(const json& settings, const DataShape& shape, int limit,
                   const std::string& device, WidthTable& table) {
  if (device == "cpu" || !table.has_file()) return limit;
  const PackTask task = {.phases = phases_of(settings),
                         .model = model_of(settings, shape),
                         .measures_after_update = settings.at("train_metrics") == kAfterUpdate,
                         .has_all_rules = settings.at("rules") == "all",
                         .recorder = make_recorder(device)};
  const auto name = shape_name(settings, task, shape);
  auto speeds = table.find(name);
  if (!speeds) {
    speeds = measure_speeds(limit, [&](int width) {
      return measure_speed({.task = task,
                            .shape = shape,
                            .batch_size = settings.at("batch_size"),
                            .width = width,
                            .device = torch::Device(device)});
    });
    if (speeds->empty()) return limit;  // another process has all the memory just now
    table.put(name, *speeds);
  }
  return std::min(best_width(*speeds), limit);
}

/// Fills in what only the data can tell, as far as the settings are sound.  Throws: SettingError.
void judge(const std::string& device, WidthTable& table, Verdict& verdict) {
  auto& [problems, resolved, pack_width, memory_bytes, trial_cost] = verdict;
  if (!is_sound(problems, "dataset")) return;
  const auto data = describe_data(resolved["dataset"]);
  resolved["dataset"] = data.identity;
  for (const std::string key : {"model", "focus", kPrecision})
    if (!is_sound(problems, key)) return;
  const auto model = model_of(resolved, data.shape);
  if (!problems.empty()) return;
  const auto phases = phases_of(resolved);
  const bool classifies_blends = std::ranges::all_of(
      phases, [](const Phase& phase) { return phase.loss.classified == Classified::blend; });
  const auto cost =
      estimate_cost(model, data, classifies_blends ? Classified::blend : Classified::segments,
                    resolved["batch_size"]);
  pack_width = measured_width(resolved, data.shape, choose_pack_width(cost, device), device, table);
  memory_bytes = cost.shared_bytes + pack_width * cost.trial_bytes;
  trial_cost = estimate_trial_s(cost, data.train_size, num_epochs(phases));
}

Verdict check(const json& settings, const std::string& device, WidthTable& table) {
  auto [resolved, problems] = resolve_focus(settings);
  Verdict verdict = {.problems = std::move(problems), .resolved = std::move(resolved)};
  try {
    judge(device, table, verdict);
  } catch (const SettingError& error) {
    verdict.problems.push_back(error.problem());
  }
  return verdict;
}

json resolve_or_throw(const json& settings) {
  auto [resolved, problems] = resolve_focus(settings);
  if (problems.empty()) return std::move(resolved);
  const auto& first = problems.front();
  throw SettingError(first.key, first.problem, first.hint);
}

/// The seed of the batch order: it follows from the data set, whatever the path to it.
std::uint64_t shuffle_seed(const json& dataset) {
  const auto identity = describe_data(dataset).identity.dump();
  return XXH3_64bits(identity.data(), identity.size());
}

PackTask make_task(const json& settings, const BatchedData& data, const std::string& device) {
  PackTask task = {.phases = phases_of(settings),
                   .model = model_of(settings, data.shape),
                   .train = data.train,
                   .test = data.test,
                   .measures_after_update = settings.at("train_metrics") == kAfterUpdate,
                   .starts_with_last_batch = settings.at(kEpoch0) == kLastBatch,
                   .has_all_rules = settings.at("rules") == "all",
                   .recorder = make_recorder(device)};
  if (settings.at("order") == "shuffled") task.shuffle_seed = shuffle_seed(settings.at("dataset"));
  return task;
}

PackTrials make_trials(const protocol::PackRequest& request) {
  PackTrials trials;
  for (const auto& trial : request.trials) {
    trials.seeds.push_back(trial.seed.value_or(kDefaultSeed));
    trials.learning_rates.push_back(trial.learning_rate.value_or(kDefaultLearningRate));
  }
  return trials;
}

void report(const protocol::PackRequest& request, const PackHistory& history, const PackTask& task,
            double elapsed_s, const PackListener& listener) {
  for (std::size_t trial = 0; trial < request.trials.size(); ++trial) {
    const auto diverged_in = history.diverged_in[trial];
    listener.on_result(
        {.pack = request.pack,
         .id = request.trials[trial].id,
         .status = diverged_in ? protocol::Outcome::diverged : protocol::Outcome::finished,
         .values = focus_values(history, trial, task),
         .error = {},
         .epoch = diverged_in,
         .elapsed_s = elapsed_s / static_cast<double>(request.trials.size())});
  }
}

void train(const protocol::PackRequest& request, const PackListener& listener,
           const std::string& device, DataCache& cache) {
  const auto settings = resolve_or_throw(request.settings);
  const auto data = cache.get(settings.at("dataset"), settings.at("batch_size"));
  const auto task = make_task(settings, *data, device);
  PackFile file(request, kName + std::to_string(kVersion) + settings.dump());
  const auto state = file.load();
  const auto begin = Clock::now();
  const auto elapsed_s = [&] {
    return std::chrono::duration<double>(Clock::now() - begin).count();
  };
  const PackStates states = {
      .start = state ? &*state : nullptr,
      .save = [&](const PackState& reached) { file.save(reached, elapsed_s()); }};
  const auto history =
      train_pack(task, make_trials(request), torch::Device(device), listener, states);
  if (!history) return;
  report(request, *history, task, file.former_elapsed_s() + elapsed_s(), listener);
}

}  // namespace

Study focus_classification(const std::string& device, const std::string& cache) {
  const auto data = std::make_shared<DataCache>(torch::Device(device));
  const auto table =
      std::make_shared<WidthTable>(cache, hardware_name(device) + ", " + library_version());
  return {
      .name = kName,
      .declaration = declare(),
      .check = [device, table](const json& settings) { return check(settings, device, *table); },
      .train = [device, data](
                   const protocol::PackRequest& request,
                   const PackListener& listener) { train(request, listener, device, *data); }};
}

}  // namespace trainer
