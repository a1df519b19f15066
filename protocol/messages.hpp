#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

/// What `mpisweep` and a trainer say to each other: one struct per message, JSON on the wire.
/// The wire format is documented in README.md ("The trainer protocol").
namespace protocol {

inline constexpr int kVersion = 1;
inline constexpr const char* kSocketVariable = "MPISWEEP_FD";  ///< names the trainer's socket

/// The other side sent something that is no message, or closed inside one.
class ProtocolError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// How a trial ended. A diverged trial is a result: its loss became infinite or not a number.
enum class Outcome : std::uint8_t { finished, diverged, failed };

/// "finished", "diverged" or "failed".
std::string to_string(Outcome outcome);

/// Throws: ProtocolError if the text names no outcome.
Outcome outcome_from(const std::string& text);

/// Why a trial has no result. It decides how often it is tried again.
enum class Cause : std::uint8_t {
  none,
  exception,     ///< the trainer said that it cannot train it
  crash,         ///< the trainer ended, or said what is no message, or nothing of this trial
  killed,        ///< somebody killed the trainer, or the kernel did for want of memory
  hang,          ///< the trainer said nothing for too long
  out_of_memory  ///< the trainer said that the device or the host has too little memory
};

/// The name of the value: "out_of_memory".
std::string to_string(Cause cause);

/// Throws: ProtocolError if the text names no cause.
Cause cause_from(const std::string& text);

/// One setting a study knows. Names are dotted paths: "dataset.segments".
struct SettingDeclaration {
  /// int | float | string | path | bool | list (of whole numbers) | numbers (a list) | map
  std::string type = {};
  nlohmann::json default_value = nullptr;  ///< null: the setting must be given or may be absent
  std::optional<double> min = {};          ///< smallest value allowed
  std::optional<double> max = {};          ///< largest value allowed
  std::vector<std::string> values = {};    ///< the allowed strings, beside a number too; empty: any
  std::string help = {};                   ///< one line, with the unit
};

/// One variable a study reports for each trial.
struct VariableDeclaration {
  std::vector<std::string> dims = {};  ///< empty: a single number; {"epoch"}: a curve
  std::string units = "1";
  std::string long_name = {};
};

struct StudyDeclaration {
  int version = 1;                                            ///< part of every trial's identity
  std::map<std::string, SettingDeclaration> settings = {};    ///< empty: anything goes
  std::map<std::string, VariableDeclaration> variables = {};  ///< what results may contain
  std::vector<std::string> headline = {};  ///< variables to show first, most telling first
};

// --- to the trainer ---

struct Hello {
  int version = kVersion;
  std::string device = "cpu";  ///< cpu | cuda:<index>
  int threads = 1;             ///< >= 1
  std::string cache = {};      ///< path of a file for what is measured of the device; empty: none
};

/// Asks for a judgement on settings (without seed and learning rate) before a sweep starts.
struct Check {
  std::vector<nlohmann::json> settings = {};
};

struct TrialRequest {
  std::string id = {};  ///< 16 hex digits
  std::optional<std::int64_t> seed = {};
  std::optional<double> learning_rate = {};
};

/// Asks to train trials together that share `settings`.
struct PackRequest {
  std::int64_t pack = 0;
  int attempt = 1;  ///< counts from 1
  nlohmann::json settings = nlohmann::json::object();
  std::string checkpoint = {};    ///< path of a file that the trainer may keep; empty: none
  double checkpoint_every_s = 0;  ///< wanted time between two states saved there
  bool resume = false;            ///< the file is there: go on from it. It may hold more trials.
  std::vector<TrialRequest> trials = {};
};

/// Asks to end: finish the step, save the pack that is running, answer done, exit.
struct Stop {};

// --- from the trainer ---

struct Ready {
  std::string trainer = {};  ///< name and version of the library that trains
  std::string device = {};   ///< name of the hardware
  std::map<std::string, StudyDeclaration> studies = {};
};

struct Problem {
  std::string key = {};                   ///< dotted path of the setting
  std::string problem = {};               ///< what is wrong with it
  std::string hint = {};                  ///< what to do; may be empty
  std::optional<std::size_t> index = {};  ///< which of the checked settings; absent: all of them
};

/// The lists are as long as Check::settings, or empty where the trainer does not know.
struct Checked {
  std::vector<Problem> problems = {};
  std::vector<nlohmann::json> resolved = {};  ///< defaults filled in, data fingerprints for paths
  std::vector<int> pack_widths = {};          ///< widest sensible pack on this device, >= 1
  std::vector<double> memory_bytes = {};      ///< estimate for one pack of that width
  std::vector<double> costs = {};             ///< of one trial, relative to the others; > 0
};

struct Progress {
  std::int64_t pack = 0;
  int epoch = 0;  ///< epochs completed
  int epochs = 0;
};

struct Result {
  std::int64_t pack = 0;
  std::string id = {};
  Outcome status = Outcome::finished;
  nlohmann::json values = nlohmann::json::object();  ///< by variable; null stands for NaN
  std::string error = {};                            ///< why it failed
  std::optional<int> epoch = {};                     ///< the epoch in which it diverged
  double elapsed_s = 0;                              ///< its share of the pack's training time
};

struct Done {
  std::int64_t pack = 0;
};

/// A pack cannot be trained as a whole: its trials without a result are tried apart, or after
/// `out_of_memory` in packs of half the width. Stands in place of done.
struct PackFailure {
  std::int64_t pack = 0;
  Cause cause = Cause::exception;  ///< exception or out_of_memory
  std::string error = {};
};

/// The trainer cannot serve at all (no such device, say) and exits.
struct Failure {
  std::string error = {};
  std::string hint = {};
};

using Message = std::variant<Hello, Check, PackRequest, Stop, Ready, Checked, Progress, Result,
                             Done, PackFailure, Failure>;

/// One line of JSON without the newline. NaN and infinities become null.
std::string serialize(const Message& message);

/// Throws: ProtocolError if the line is not JSON, has no known type or lacks a field.
Message parse_message(const std::string& line);

/// The same from a line that has been read as JSON.
Message message_from_json(const nlohmann::json& object);

nlohmann::json to_json(const StudyDeclaration& study);
StudyDeclaration study_from_json(const nlohmann::json& json);

}  // namespace protocol
