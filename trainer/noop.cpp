#include "trainer/noop.hpp"

#include "trainer/settings.hpp"

namespace trainer {
namespace {

using nlohmann::json;

constexpr const char* kName = "noop";
constexpr int kVersion = 1;       // raise it whenever equal settings would give other results
constexpr int kPackWidth = 1000;  // a message of 100 KB asks for as many trials

Schema make_schema() {
  Setting study = {.key = "study",
                   .declaration = {.type = "string",
                                   .default_value = kName,
                                   .values = {kName},
                                   .help = "this study, which trains nothing"}};
  return {
      .settings = {study, whole_number("epochs", 0, 0, "last entry of the curve; 0: no curve")}};
}

protocol::StudyDeclaration declare() {
  return {.version = kVersion,
          .settings = declarations(make_schema()),
          .variables = {{"value", {.long_name = "seed times learning rate"}},
                        {"curve", {.dims = {"epoch"}, .long_name = "value / (epoch + 1)"}}},
          .headline = {"value"}};
}

Verdict check(const json& settings) {
  auto [resolved, problems] = resolve(make_schema(), settings);
  return {
      .problems = std::move(problems), .resolved = std::move(resolved), .pack_width = kPackWidth};
}

json values_of(const protocol::TrialRequest& trial, int epochs) {
  const auto value = static_cast<double>(trial.seed.value_or(0)) * trial.learning_rate.value_or(1);
  json values = {{"value", value}};
  for (int epoch = 0; epochs > 0 && epoch <= epochs; ++epoch)
    values["curve"].push_back(value / (epoch + 1));
  return values;
}

void train(const protocol::PackRequest& request, const PackListener& listener) {
  const auto verdict = check(request.settings);
  if (!verdict.problems.empty()) {
    const auto& first = verdict.problems.front();
    throw SettingError(first.key, first.problem, first.hint);
  }
  if (listener.should_stop()) return;
  const int epochs = verdict.resolved.at("epochs");
  for (const auto& trial : request.trials) {
    listener.on_result(
        {.pack = request.pack, .id = trial.id, .values = values_of(trial, epochs), .error = {}});
  }
}

}  // namespace

Study noop() {
  return {.name = kName, .declaration = declare(), .check = check, .train = train};
}

}  // namespace trainer
