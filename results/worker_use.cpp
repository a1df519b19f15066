#include "results/worker_use.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "protocol/json_fields.hpp"

namespace results {
namespace {

/// "97 %", or "?" where it is not known.
std::string percent(double share) {
  return std::isnan(share) ? "?" : fmt::format("{:.0f} %", 100 * share);
}

/// "NVIDIA H100 (GPU 3)"
std::string device_text(const WorkerInfo& info) {
  return info.gpu.empty() ? info.device : fmt::format("{} (GPU {})", info.device, info.gpu);
}

nlohmann::json null_for_nan(double value) {
  return std::isnan(value) ? nlohmann::json(nullptr) : nlohmann::json(value);
}

}  // namespace

Workers sum_of_workers(const std::vector<EndRecord>& ends) {
  std::map<std::tuple<int, std::string, std::string, std::string>, EndRecord::Worker> sums;
  for (const auto& end : ends) {
    for (const auto& worker : end.workers) {
      const auto& info = worker.info;
      auto& sum = sums[{info.rank, info.host, info.device, info.gpu}];
      sum.info = info;
      sum.busy_s += worker.busy_s;
      sum.allocated_s += worker.allocated_s;
      sum.packs += worker.packs;
      sum.trials += worker.trials;
    }
  }
  Workers workers;
  workers.reserve(sums.size());
  for (auto& [key, sum] : sums)
    workers.push_back(std::move(sum));
  return workers;
}

double utilization(const EndRecord::Worker& worker) {
  return worker.allocated_s > 0 ? worker.busy_s / worker.allocated_s : kMissing;
}

WorkerUse use_of(const Workers& workers) {
  WorkerUse use;
  double busy_s = 0;
  double allocated_s = 0;
  for (const auto& worker : workers) {
    const double share = utilization(worker);
    if (std::isnan(share)) continue;
    ++use.num_workers;
    busy_s += worker.busy_s;
    allocated_s += worker.allocated_s;
    use.least = std::fmin(use.least, share);  // of NaN and a number, the number
    use.most = std::fmax(use.most, share);
  }
  if (use.num_workers > 0) use.mean = busy_s / allocated_s;
  return use;
}

std::string describe_use(const WorkerUse& use) {
  if (use.num_workers == 0) return "";
  if (use.num_workers == 1) return fmt::format("1 worker, {} busy", percent(use.mean));
  return fmt::format("{} workers, {} busy ({:.0f} to {})", use.num_workers, percent(use.mean),
                     100 * use.least, percent(use.most));
}

std::string to_text(const Workers& workers) {
  std::size_t host = 4;
  std::size_t device = 6;
  for (const auto& worker : workers) {
    host = std::max(host, worker.info.host.size());
    device = std::max(device, device_text(worker.info).size());
  }
  auto text =
      fmt::format("{:>4}  {:<{}}  {:<{}}  {:>7}  {:>8}  {:>9}  {:>11}  {:>5}\n", "rank", "host",
                  host, "device", device, "packs", "trials", "busy_s", "allocated_s", "busy");
  for (const auto& worker : workers) {
    text += fmt::format("{:>4}  {:<{}}  {:<{}}  {:>7}  {:>8}  {:>9.1f}  {:>11.1f}  {:>5}\n",
                        worker.info.rank, worker.info.host, host, device_text(worker.info), device,
                        worker.packs, worker.trials, worker.busy_s, worker.allocated_s,
                        percent(utilization(worker)));
  }
  return text;
}

nlohmann::json to_json(const EndRecord::Worker& worker) {
  return {{"rank", worker.info.rank},
          {"host", worker.info.host},
          {"device", worker.info.device},
          {"gpu", worker.info.gpu},
          {"packs", worker.packs},
          {"trials", worker.trials},
          {"busy_s", null_for_nan(worker.busy_s)},
          {"allocated_s", null_for_nan(worker.allocated_s)},
          {"utilization", null_for_nan(utilization(worker))}};
}

EndRecord::Worker worker_from_json(const nlohmann::json& json) {
  return worker_from(protocol::JsonFields(json, "a worker"));
}

nlohmann::json to_json(const WorkerUse& use) {
  return {{"workers", use.num_workers},
          {"mean", null_for_nan(use.mean)},
          {"least", null_for_nan(use.least)},
          {"most", null_for_nan(use.most)}};
}

WorkerUse use_from_json(const nlohmann::json& json) {
  const protocol::JsonFields fields(json, "utilization");
  return {.num_workers = fields.required<int>("workers"),
          .mean = fields.value_or("mean", kMissing),
          .least = fields.value_or("least", kMissing),
          .most = fields.value_or("most", kMissing)};
}

}  // namespace results
