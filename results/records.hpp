#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "protocol/messages.hpp"

namespace protocol {
class JsonFields;
}

/// What the journal's records say: one struct per kind, stored as JSON text.
namespace results {

/// A number that is not there; null in JSON.
inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// A trial's identity: a 64-bit hash of everything that decides its result.
using TrialId = std::uint64_t;

/// 16 hex digits, the form people see.
std::string to_hex(TrialId id);

/// Throws: StorageError if the text is not 16 hex digits.
TrialId trial_id_from_hex(const std::string& text);

struct Axis {
  std::string name = {};                    ///< key in the grid, dotted where it reaches inside
  std::vector<nlohmann::json> values = {};  ///< as the config names them
};

/// What is to run: written when a sweep starts and when its config has changed.
struct PlanRecord {
  std::string name = {};
  std::string config_text = {};             ///< as read
  nlohmann::json config_resolved = {};      ///< defaults filled in
  std::string study = {};                   ///< name of the study
  std::vector<std::string> replicate = {};  ///< axes whose values are repetitions
  std::vector<Axis> axes = {};              ///< in grid order; the last one runs fastest
  std::vector<TrialId> ids = {};            ///< in grid order
  std::map<std::string, protocol::VariableDeclaration> variables = {};
  std::vector<std::string> headline = {};  ///< variables to show first

  bool operator==(const PlanRecord& other) const;
};

/// One part of the machine: a rank and the device it trains on.
struct WorkerInfo {
  int rank = 0;
  std::string host = {};
  std::string device = {};  ///< what it is: "NVIDIA H100"
  std::string gpu = {};     ///< which one of its host, as Slurm or CUDA names it; empty: none
};

/// A job of Slurm's that a run was part of.
struct SlurmJob {
  std::string id = {};
  std::string array_task = {};  ///< "4711_3", the third of job 4711; empty: of no array
  int num_restarts = 0;         ///< how often Slurm had started it again
  std::string cluster = {};     ///< empty: unknown
  std::string nodes = {};       ///< "n[1-2]"
};

/// One `mpisweep run` that trains something.
struct SessionRecord {
  std::string started = {};  ///< UTC, ISO 8601
  std::string command_line = {};
  std::map<std::string, std::string> versions = {};  ///< mpisweep, git_commit, trainer, mpi, hdf5
  int num_ranks = 1;
  std::optional<SlurmJob> slurm = {};  ///< absent outside of Slurm
};

/// A pack that was lent with a file for its checkpoints. It tells a later run which trials are in
/// it.
struct PackRecord {
  std::uint64_t key = 0;             ///< names the file, `checkpoint-` and 16 hex digits
  std::vector<TrialId> trials = {};  ///< that the file may hold
};

/// The end of one trial.
struct TrialRecord {
  TrialId id = 0;
  protocol::Outcome status = protocol::Outcome::finished;
  protocol::Cause cause = protocol::Cause::none;
  std::string error = {};
  int attempts = 1;
  double elapsed_s = 0;
  int rank = 0;
  std::string device = {};
  nlohmann::json values = nlohmann::json::object();  ///< by variable; null stands for NaN
};

/// The end of a session that could still say so.
struct EndRecord {
  struct Worker {
    WorkerInfo info = {};
    double busy_s = 0;       ///< time with a pack
    double allocated_s = 0;  ///< from when it was ready to train until the end; NaN: unknown
    int packs = 0;
    int trials = 0;
  };
  std::string ended = {};   ///< UTC, ISO 8601
  std::string reason = {};  ///< finished | stopped by signal N | ...
  std::vector<Worker> workers = {};
};

/// To and from a record's payload. The readers throw StorageError with the missing field, or where
/// a plan's axes do not make as many trials as it names.
nlohmann::json to_json(const SlurmJob& job);
SlurmJob slurm_job_from_json(const nlohmann::json& job);
std::string serialize(const PlanRecord& record);
std::string serialize(const SessionRecord& record);
std::string serialize(const TrialRecord& record);
std::string serialize(const EndRecord& record);
std::string serialize(const PackRecord& record);
PlanRecord parse_plan(const std::string& payload);
SessionRecord parse_session(const std::string& payload);
TrialRecord parse_trial(const std::string& payload);
EndRecord parse_end(const std::string& payload);
PackRecord parse_pack(const std::string& payload);

/// The part of an EndRecord that is one worker's.  Throws: protocol::ProtocolError.
EndRecord::Worker worker_from(const protocol::JsonFields& fields);

}  // namespace results
