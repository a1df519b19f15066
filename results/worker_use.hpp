#pragma once

#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "results/records.hpp"

/// What workers did with the time in which they could have trained.
namespace results {

using Workers = std::vector<EndRecord::Worker>;

/// What each worker did in all sessions together, by rank, host, device and GPU.
Workers sum_of_workers(const std::vector<EndRecord>& ends);

/// utilization = busy_s / allocated_s; NaN where the journal does not tell, or nothing was
/// allocated.
double utilization(const EndRecord::Worker& worker);

/// The utilization of workers together and apart.
struct WorkerUse {
  int num_workers = 0;                                     ///< whose utilization is known
  double mean = std::numeric_limits<double>::quiet_NaN();  ///< busy / allocated, of all together
  double least = std::numeric_limits<double>::quiet_NaN();
  double most = std::numeric_limits<double>::quiet_NaN();
};

WorkerUse use_of(const Workers& workers);

/// "4 workers, 97 % busy (95 to 98 %)"; empty if nothing is known.
std::string describe_use(const WorkerUse& use);

/// A table with a line for each worker.
std::string to_text(const Workers& workers);

/// {rank, host, device, gpu, packs, trials, busy_s, allocated_s, utilization}; null: unknown.
nlohmann::json to_json(const EndRecord::Worker& worker);

/// Reads what to_json() wrote.  Throws: protocol::ProtocolError.
EndRecord::Worker worker_from_json(const nlohmann::json& json);

/// {workers, mean, least, most}, and back.  Throws: protocol::ProtocolError.
nlohmann::json to_json(const WorkerUse& use);
WorkerUse use_from_json(const nlohmann::json& json);

}  // namespace results
