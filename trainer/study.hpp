#pragma once

#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "protocol/messages.hpp"

namespace trainer {

/// What a study says about one combination of settings.
struct Verdict {
  std::vector<protocol::Problem> problems = {};
  nlohmann::json resolved = nlohmann::json::object();  ///< canonical; fingerprints for paths
  int pack_width = 1;                                  ///< widest sensible pack on this device
  double memory_bytes = 0;                             ///< estimate for one pack of that width
  double cost = 1;  ///< of a trial, > 0, so that long ones can begin first; about seconds on a core
};

/// What a study calls while it trains a pack. The first three are called after every batch and
/// return quickly.
struct PackListener {
  std::function<void(int epoch, int epochs)> on_step = [](int, int) {};
  std::function<bool()> should_stop = [] { return false; };  ///< then: save the pack and return
  std::function<bool()> should_save = [] { return false; };  ///< time to save the pack
  std::function<void(const protocol::Result&)> on_result = [](const protocol::Result&) {};
};

/// A family of models, data and metrics that the trainer knows.
struct Study {
  std::string name = {};
  protocol::StudyDeclaration declaration = {};
  std::function<Verdict(const nlohmann::json& settings)> check = {};

  /// Trains the trials together and reports a result for each; none if it was told to stop.
  /// Throws: std::exception if the pack cannot be trained.
  std::function<void(const protocol::PackRequest&, const PackListener&)> train = {};
};

/// All studies, ready for one device ("cpu", "cuda:0"). `cache` is a file for what they measure of
/// it, empty if nothing is to be measured.
std::vector<Study> make_studies(const std::string& device, const std::string& cache = {});

}  // namespace trainer
