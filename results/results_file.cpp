#include "results/results_file.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <fcntl.h>

#include "results/axis_values.hpp"
#include "results/hdf5_file.hpp"
#include "results/worker_use.hpp"

namespace results {
namespace {

using protocol::VariableDeclaration;

constexpr const char* kTrial = "trial";

/// A sweep, with the end of each planned trial in grid order; null while it is pending.
struct View {
  const SweepResults& sweep;
  std::vector<const TrialEnd*> ends;
};

View view_of(const SweepResults& sweep) {
  std::vector<const TrialEnd*> ends;
  ends.reserve(sweep.plan.ids.size());
  for (const auto id : sweep.plan.ids)
    ends.push_back(sweep.find(id));
  return {.sweep = sweep, .ends = std::move(ends)};
}

VariableLabel label_of(const std::string& name, const VariableDeclaration& declaration) {
  return {.name = name, .units = declaration.units, .long_name = declaration.long_name};
}

std::vector<std::int64_t> indices_up_to(std::size_t count) {
  std::vector<std::int64_t> indices(count);
  std::iota(indices.begin(), indices.end(), std::int64_t{0});
  return indices;
}

// --- attributes ---

/// Empty while the latest session trains, and where it was killed. UTC texts sort as times do.
std::string end_of_latest_session(const SweepResults& sweep) {
  if (sweep.ends.empty() || sweep.ends.back().ended < sweep.sessions.back().started) return "";
  return sweep.ends.back().ended;
}

/// A list as JSON; nothing where none worked on it.
void put_slurm_jobs(Hdf5Group& root, const SweepResults& sweep) {
  auto list = nlohmann::json::array();
  for (const auto& job : slurm_jobs(sweep))
    list.push_back(to_json(job));
  if (!list.empty()) root.put_attribute("slurm_jobs", list.dump());
}

void put_attributes(Hdf5Group& root, const SweepResults& sweep) {
  const auto& plan = sweep.plan;
  root.put_attribute("name", plan.name);
  root.put_attribute("study", plan.study);
  root.put_attribute("config_text", plan.config_text);
  root.put_attribute("config_resolved", plan.config_resolved.dump());
  if (sweep.sessions.empty()) return;
  auto versions = sweep.sessions.back().versions;
  versions["hdf5"] = hdf5_version();
  for (const auto& [name, version] : versions)
    root.put_attribute(name, version);
  root.put_attribute("command_line", sweep.sessions.back().command_line);
  root.put_attribute("started", sweep.sessions.front().started);
  root.put_attribute("ended", end_of_latest_session(sweep));
  put_slurm_jobs(root, sweep);
}

// --- what every sweep has: trials, axes, how it ended ---

void add_trials(Hdf5Group& root, const PlanRecord& plan) {
  root.add_dimension({.name = kTrial, .long_name = "identity: a hash of the trial's settings"},
                     Texts{.count = plan.ids.size(),
                           .at = [&plan](std::size_t index) { return to_hex(plan.ids[index]); }});
  for (std::size_t i = 0; i < plan.axes.size(); ++i) {
    root.add_variable({.name = plan.axes[i].name, .long_name = "grid axis " + plan.axes[i].name},
                      kTrial, axis_cells(plan.axes, i, plan.ids.size()));
  }
}

/// One cell for each trial: `of(end)`, or what stands for a pending one.
template <class Value, class Of>
Cells cells_of(const View& view, const Value& pending, const Of& of) {
  std::vector<Value> cells;
  cells.reserve(view.ends.size());
  for (const auto* end : view.ends) {
    cells.push_back(end == nullptr ? pending : static_cast<Value>(of(*end)));
  }
  return cells;
}

void add_outcomes(Hdf5Group& root, const View& view) {
  const auto& texts = view.sweep.texts;
  const auto add = [&](const VariableLabel& label, const auto& pending, const auto& of) {
    root.add_variable(label, kTrial, cells_of(view, pending, of));
  };
  const auto add_texts = [&](const VariableLabel& label, const std::string& pending,
                             const auto& of) {
    const auto at = [&](std::size_t index) {
      const auto* end = view.ends[index];
      return end == nullptr ? pending : of(*end);
    };
    root.add_variable(label, kTrial, Texts{.count = view.ends.size(), .at = at});
  };
  add_texts({.name = "status", .long_name = "finished, diverged, failed or pending"}, "pending",
            [](const TrialEnd& end) { return to_string(end.status); });
  add_texts({.name = "error", .long_name = "why the trial failed or diverged"}, "",
            [&texts](const TrialEnd& end) { return texts[end.error]; });
  add({.name = "attempts", .long_name = "how often the trial was tried"}, std::int64_t{0},
      [](const TrialEnd& end) { return end.attempts; });
  add({.name = "elapsed_s", .units = "s", .long_name = "the trial's share of its pack's time"},
      kMissing, [](const TrialEnd& end) { return end.elapsed_s; });
  add({.name = "rank", .long_name = "MPI rank that trained the trial, -1: none yet"},
      std::int64_t{-1}, [](const TrialEnd& end) { return end.rank; });
  add_texts({.name = "device", .long_name = "device that trained the trial"}, "",
            [&texts](const TrialEnd& end) { return texts[end.device]; });
}

// --- what the study declares ---

/// A variable that is its own dimension gives that dimension's coordinates.
bool is_coordinate(const std::string& name, const VariableDeclaration& declaration) {
  return declaration.dims == std::vector<std::string>{name};
}

/// What a trial reported for a variable, or null: not yet, nothing, or of another shape.
const ValueArray* array_of(const TrialEnd* end, const ValueColumn* column, std::size_t num_dims) {
  if (end == nullptr || column == nullptr) return nullptr;
  const auto* array = column->array(end->row);
  return array != nullptr && array->extents.size() == num_dims ? array : nullptr;
}

/// The largest extents that any trial reported for a variable, each at least 1.
std::vector<std::size_t> largest_extents(const View& view, const ValueColumn* column,
                                         std::size_t num_dims) {
  std::vector<std::size_t> largest(num_dims, 1);
  for (const auto* end : view.ends) {
    const auto* array = array_of(end, column, num_dims);
    if (array == nullptr) continue;
    std::ranges::transform(largest, array->extents, largest.begin(), std::ranges::max);
  }
  return largest;
}

/// The length of every dimension that variables declare: what the largest array needs.
std::map<std::string, std::size_t> declared_dimensions(const View& view) {
  std::map<std::string, std::size_t> lengths;
  for (const auto& [name, declaration] : view.sweep.plan.variables) {
    const auto& dims = declaration.dims;
    const auto extents = largest_extents(view, view.sweep.find_column(name), dims.size());
    for (std::size_t i = 0; i < dims.size(); ++i) {
      lengths[dims[i]] = std::max(lengths[dims[i]], extents[i]);
    }
  }
  return lengths;
}

/// The coordinates that the first trial reported.
std::vector<double> coordinates_of(const View& view, const std::string& name, std::size_t length) {
  std::vector<double> coordinates(length, kMissing);
  for (const auto* end : view.ends) {
    const auto* array = array_of(end, view.sweep.find_column(name), 1);
    if (array == nullptr) continue;
    std::ranges::copy(array->numbers, coordinates.begin());
    break;
  }
  return coordinates;
}

std::string describe_dimension(const std::string& name) {
  return name == "epoch" ? "completed epochs, 0: before training" : "index along " + name;
}

void add_declared_dimensions(Hdf5Group& root, const View& view) {
  const auto& variables = view.sweep.plan.variables;
  for (const auto& [name, length] : declared_dimensions(view)) {
    const auto declared = variables.find(name);
    if (declared != variables.end() && is_coordinate(name, declared->second)) {
      root.add_dimension(label_of(name, declared->second), coordinates_of(view, name, length));
    } else {
      root.add_dimension({.name = name, .long_name = describe_dimension(name)},
                         indices_up_to(length));
    }
  }
}

/// Copies a row-major array into the corner of a larger one.
void copy_corner(std::span<const double> from, std::span<const std::size_t> from_extents,
                 std::span<double> to, std::span<const std::size_t> to_extents) {
  if (from.empty()) return;
  if (from_extents.size() == 1) {
    std::ranges::copy(from, to.begin());
    return;
  }
  const auto from_stride = from.size() / from_extents[0];
  const auto to_stride = to.size() / to_extents[0];
  for (std::size_t i = 0; i < from_extents[0]; ++i) {
    copy_corner(from.subspan(i * from_stride, from_stride), from_extents.subspan(1),
                to.subspan(i * to_stride, to_stride), to_extents.subspan(1));
  }
}

/// What nobody has reported is left to the fill value, and takes no space.
void write_array(Hdf5Array& array, const View& view, const ValueColumn* column) {
  if (column == nullptr) return;
  const auto row_extents = std::span(array.extents()).subspan(1);
  const auto per_row = array.numbers_per_row();
  const auto num_rows = view.ends.size();
  std::vector<double> block;
  for (std::size_t first = 0; first < num_rows; first += array.rows_per_block()) {
    const auto count = std::min(array.rows_per_block(), num_rows - first);
    block.assign(count * per_row, kMissing);
    for (std::size_t i = 0; i < count; ++i) {
      const auto* values = array_of(view.ends[first + i], column, row_extents.size());
      if (values == nullptr) continue;
      copy_corner(values->numbers, values->extents, std::span(block).subspan(i * per_row, per_row),
                  row_extents);
    }
    array.write_rows(first, block);
  }
}

Cells numbers_of(const View& view, const ValueColumn* column) {
  return cells_of(view, kMissing, [column](const TrialEnd& end) {
    return column == nullptr ? kMissing : column->number(end.row);
  });
}

void add_declared_variables(Hdf5Group& root, const View& view) {
  for (const auto& [name, declaration] : view.sweep.plan.variables) {
    if (is_coordinate(name, declaration)) continue;
    const auto label = label_of(name, declaration);
    const auto* column = view.sweep.find_column(name);
    if (declaration.dims.empty()) {
      root.add_variable(label, kTrial, numbers_of(view, column));
    } else {
      std::vector<std::string> dims = {kTrial};
      dims.insert(dims.end(), declaration.dims.begin(), declaration.dims.end());
      auto array = root.add_array(label, dims);
      write_array(array, view, column);
    }
  }
}

// --- workers ---

void add_workers(Hdf5Group& root, const std::vector<EndRecord>& ends) {
  const auto workers = sum_of_workers(ends);
  if (workers.empty()) return;
  auto group = root.add_group("workers");
  group.add_dimension({.name = "worker", .long_name = "index of the worker"},
                      indices_up_to(workers.size()));
  const auto add = [&]<class Value>(const VariableLabel& label, std::vector<Value> cells,
                                    const auto& of) {
    for (const auto& worker : workers)
      cells.push_back(static_cast<Value>(of(worker)));
    group.add_variable(label, "worker", cells);
  };
  using Worker = EndRecord::Worker;
  using Texts = std::vector<std::string>;
  using Integers = std::vector<std::int64_t>;
  add({.name = "rank", .long_name = "MPI rank"}, Integers(),
      [](const Worker& worker) { return worker.info.rank; });
  add({.name = "host", .long_name = "name of the machine"}, Texts(),
      [](const Worker& worker) { return worker.info.host; });
  add({.name = "device", .long_name = "device it trained on"}, Texts(),
      [](const Worker& worker) { return worker.info.device; });
  add({.name = "gpu", .long_name = "which GPU of its host, empty if none"}, Texts(),
      [](const Worker& worker) { return worker.info.gpu; });
  add({.name = "busy_s", .units = "s", .long_name = "time with a pack"}, std::vector<double>(),
      [](const Worker& worker) { return worker.busy_s; });
  add({.name = "allocated_s",
       .units = "s",
       .long_name = "time from when it was ready to train until the end of the run"},
      std::vector<double>(), [](const Worker& worker) { return worker.allocated_s; });
  add({.name = "utilization", .long_name = "share of the allocated time with a pack"},
      std::vector<double>(), utilization);
  add({.name = "packs", .long_name = "packs trained"}, Integers(),
      [](const Worker& worker) { return worker.packs; });
  add({.name = "trials", .long_name = "trials trained"}, Integers(),
      [](const Worker& worker) { return worker.trials; });
}

void fill(Hdf5Group& root, const SweepResults& sweep) {
  const auto view = view_of(sweep);
  put_attributes(root, sweep);
  add_trials(root, sweep.plan);
  add_outcomes(root, view);
  add_declared_dimensions(root, view);
  add_declared_variables(root, view);
  add_workers(root, sweep.ends);
}

}  // namespace

std::string results_file_bytes(const SweepResults& sweep) {
  Hdf5File file;
  fill(file.root(), sweep);
  return std::string(file.image());
}

void write_results_file(const SweepResults& sweep, const std::filesystem::path& path) {
  auto temporary = path;
  temporary += ".new";
  try {
    Hdf5File file;
    fill(file.root(), sweep);
    File(temporary, O_WRONLY | O_CREAT | O_TRUNC).write_all(file.image());
    replace_file(temporary, path);
  } catch (const StorageError& error) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw StorageError("cannot write " + path.string() + " (" + error.what() + ")");
  }
}

}  // namespace results
