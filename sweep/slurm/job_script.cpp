#include "sweep/slurm/job_script.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "sweep/slurm/job_template.hpp"
#include "sweep/time_limit.hpp"

namespace sweep {
namespace {

constexpr int kSecondsToLeave = 10;  // by the script itself
constexpr const char* kDefaultTime = "04:00:00";

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(line);
  for (std::string part; std::getline(stream, part, separator);)
    parts.push_back(part);
  return parts;
}

int number_from(const std::string& text) {
  return std::atoi(text.c_str());  // "64+" where nodes differ; 0 where there is none
}

/// As one word of bash, and of an #SBATCH line.
std::string shell_quote(const std::string& text) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
      "_-+=./:,@%";
  if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) return text;
  std::string quoted = "'";
  for (const char c : text)
    quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string quote_all(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted(texts.size());
  std::ranges::transform(texts, quoted.begin(), shell_quote);
  return fmt::format("{}", fmt::join(quoted, " "));
}

/// As a pattern of sbatch's for file names.
std::string without_patterns(const std::filesystem::path& path) {
  std::string text;
  for (const char c : path.string())
    text += c == '%' ? std::string("%%") : std::string(1, c);
  return text;
}

/// "--mem=0", whether or not #SBATCH stands before it.
std::string without_mark(const std::string& option) {
  constexpr std::string_view kMark = "#SBATCH ";
  return option.starts_with(kMark) ? option.substr(kMark.size()) : option;
}

std::string options_for_sbatch(const SweepJob& job, const SlurmSettings& settings,
                               const JobShape& shape) {
  std::vector<std::string> options = {"--job-name=" + shell_quote(job.name),
                                      fmt::format("--nodes={}", shape.nodes),
                                      fmt::format("--ntasks-per-node={}", shape.tasks_per_node)};
  if (shape.gpus_per_node > 0) {
    options.push_back(fmt::format("--gpus-per-node={}", shape.gpus_per_node));
  }
  options.push_back("--time=" + shell_quote(shape.time));
  if (!settings.partition.empty())
    options.push_back("--partition=" + shell_quote(settings.partition));
  if (!settings.account.empty()) options.push_back("--account=" + shell_quote(settings.account));
  options.push_back("--output=" + shell_quote(without_patterns(job.output) + "/slurm-%j.log"));
  options.emplace_back("--open-mode=append");
  options.push_back(fmt::format("--signal=B:USR1@{}",
                                static_cast<int>(std::ceil(job.grace_s)) + kSecondsToLeave));
  options.emplace_back("--requeue");
  if (shape.nodes > 1) options.emplace_back("--no-kill");
  std::ranges::transform(settings.extra, std::back_inserter(options), without_mark);
  return fmt::format("#SBATCH {}", fmt::join(options, "\n#SBATCH "));
}

std::string settings_for_bash(const SweepJob& job, const SlurmSettings& settings) {
  const bool uses_srun = settings.launcher == Launcher::srun;
  return fmt::format(
      "mpisweep={}\nconfig={}\noutput={}\nlauncher={}\nmodules=({})\nrun_options=({})",
      shell_quote(job.program.string()), shell_quote(job.config.string()),
      shell_quote(job.output.string()), uses_srun ? "srun" : "mpirun", quote_all(settings.modules),
      quote_all(job.run_options));
}

void replace(std::string& text, std::string_view mark, const std::string& with) {
  text.replace(text.find(mark), mark.size(), with);
}

/// Four hours, or what the partition allows if that is less.
std::string time_for(const SlurmSettings& settings, const std::optional<Partition>& partition) {
  if (!settings.time.empty()) return settings.time;
  const auto longest_s = partition ? parse_time(partition->longest_time) : std::nullopt;
  const bool is_short = longest_s && *longest_s < *parse_time(kDefaultTime);
  return is_short ? partition->longest_time : kDefaultTime;
}

}  // namespace

JobShape shape_job(const SlurmSettings& settings, const std::optional<Partition>& partition,
                   std::size_t num_packs) {
  const auto offer = partition.value_or(Partition{.gpus_per_node = 1});
  const int most_ranks = static_cast<int>(std::clamp<std::size_t>(num_packs, 1, 1'000'000));
  JobShape shape{.time = time_for(settings, partition)};
  shape.gpus_per_node = settings.gpus_per_node.value_or(std::min(offer.gpus_per_node, most_ranks));
  shape.tasks_per_node =
      shape.gpus_per_node > 0
          ? shape.gpus_per_node
          : settings.tasks_per_node.value_or(std::clamp(offer.cores_per_node, 1, most_ranks));
  const int nodes_with_work = (most_ranks + shape.tasks_per_node - 1) / shape.tasks_per_node;
  shape.nodes = settings.nodes.value_or(std::clamp(offer.num_nodes, 1, nodes_with_work));
  return shape;
}

std::optional<Partition> partition_from(const std::string& lines, const std::string& wanted) {
  std::optional<Partition> found;
  for (const auto& line : split(lines, '\n')) {
    const auto fields = split(line, '|');
    if (fields.size() != 5) continue;
    const bool is_default = fields[0].ends_with('*');
    const auto name = fields[0].substr(0, fields[0].size() - (is_default ? 1 : 0));
    if (wanted.empty() ? !is_default : name != wanted) continue;
    const Partition nodes = {.num_nodes = number_from(fields[1]),
                             .cores_per_node = number_from(fields[2]),
                             .gpus_per_node = count_gpus(fields[3]),
                             .longest_time = fields[4]};
    if (!found || nodes.gpus_per_node > found->gpus_per_node) found = nodes;
  }
  return found;
}

std::string make_job_script(const SweepJob& job, const SlurmSettings& settings,
                            const JobShape& shape) {
  std::string script = kJobTemplate;
  replace(script, "@SBATCH@", options_for_sbatch(job, settings, shape));
  replace(script, "@SETTINGS@", settings_for_bash(job, settings));
  return script;
}

}  // namespace sweep
