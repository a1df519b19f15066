#pragma once

#include <string>
#include <variant>
#include <vector>

#include "protocol/messages.hpp"
#include "sweep/devices.hpp"
#include "sweep/trainer_process.hpp"

/// What the coordinator and the workers say to each other, as JSON text between ranks.
namespace sweep {

// --- to a worker ---

/// Asks to start a trainer; the answer is WorkerReady or WorkerUnable.
struct StartWorker {
  TrainerCommand trainer = {};
  DeviceChoice device = DeviceChoice::cpu;
  double trial_timeout_s = 0;  ///< longest silence of a trainer with a pack; 0: any
};

/// Asks to save the pack that is training and to give it back; the answer is Done or PackLost.
struct StopPack {};

/// Asks to end, whatever is being trained.
struct QuitWorker {};

using Command = std::variant<StartWorker, protocol::PackRequest, StopPack, QuitWorker>;

// --- from a worker ---

struct WorkerReady {
  std::string host = {};
  std::string device = {};  ///< "cpu (AMD EPYC)"
};

/// This worker cannot train and asks for nothing more.
struct WorkerUnable {
  std::string reason = {};
};

/// The trainer ended, hung or sent garbage while it had a pack.
struct PackLost {
  std::int64_t pack = 0;
  protocol::Cause cause = protocol::Cause::crash;
  std::string reason = {};
};

/// What a trainer printed.
struct TrainerOutput {
  std::string text = {};
};

using Report = std::variant<WorkerReady, WorkerUnable, protocol::Result, protocol::Progress,
                            protocol::Done, protocol::PackFailure, PackLost, TrainerOutput>;

/// Throws (the parsers): protocol::ProtocolError if the text is no such message.
/// Reports travel together, one per line, in texts of about a megabyte at most: as messages of
/// their own they would take longer than a short trial.
std::string serialize(const Command& command);
std::string serialize(const Report& report);
std::vector<std::string> serialize_together(const std::vector<Report>& reports);
Command parse_command(const std::string& text);
Report parse_report(const std::string& text);
std::vector<Report> parse_reports(const std::string& text);

}  // namespace sweep
