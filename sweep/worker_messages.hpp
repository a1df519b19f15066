#pragma once

#include <string>
#include <variant>
#include <vector>

#include "protocol/messages.hpp"
#include "sweep/trainer_process.hpp"

/// What the coordinator and the workers say to each other, as JSON text between ranks.
namespace sweep {

// --- to a worker ---

/// Asks to start a trainer; the answer is WorkerReady or WorkerUnable.
struct StartWorker {
  TrainerCommand trainer = {};
  std::string device = "cpu";  ///< or "cuda:1"
  double trial_timeout_s = 0;  ///< longest silence of a trainer with a pack; 0: any
};

/// Asks to save the pack that is training and to end it, and to give back those that have not
/// begun. The answers are PackEnd and PackReturned.
struct StopPack {};

/// Asks for the packs that have not begun; the answer is a PackReturned for each.
struct ReturnPacks {};

/// Asks to end, whatever is being trained.
struct QuitWorker {};

using Command = std::variant<StartWorker, protocol::PackRequest, StopPack, ReturnPacks, QuitWorker>;

// --- from a worker ---

struct WorkerReady {
  std::string host = {};
  std::string device = {};  ///< "cpu (AMD EPYC)"
};

/// This worker cannot train and asks for nothing more.
struct WorkerUnable {
  std::string reason = {};
};

/// A pack's training is over: the trainer is done with it, cannot train it, or has ended, hung or
/// sent garbage.
struct PackEnd {
  std::int64_t pack = 0;
  protocol::Cause cause = protocol::Cause::none;  ///< none: it is done
  std::string reason = {};                        ///< empty: it is done
  double busy_s = 0;  ///< since the trainer could begin it: it was handed over, the former one over
};

/// A pack that this worker has not begun, and will not.
struct PackReturned {
  std::int64_t pack = 0;
};

/// What a trainer printed.
struct TrainerOutput {
  std::string text = {};
};

/// The launcher or Slurm wants the run to stop and told this rank.
struct StopAsked {
  int signal = 0;
};

/// Each pack that a worker is sent has one PackEnd or PackReturned.
using Report = std::variant<WorkerReady, WorkerUnable, protocol::Result, protocol::Progress,
                            PackEnd, PackReturned, TrainerOutput, StopAsked>;

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
