#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/end_to_end/program.hpp"
#include "tests/temporary_folder.hpp"

namespace end_to_end {

/// A config, a place for its results, and the commands that people type.
class SweepFolder {
 public:
  explicit SweepFolder(const std::string& yaml);

  std::string config() const { return (folder_.path() / "a.yaml").string(); }
  std::string output(const std::string& name = "out") const {
    return (folder_.path() / name).string();
  }

  /// `mpisweep run` with the output folder and more arguments.
  std::vector<std::string> run_command(const std::vector<std::string>& more = {},
                                       const std::string& name = "out") const;

  /// The same as `ranks` ranks of an mpirun that the user typed.
  std::vector<std::string> mpirun_command(int ranks, const std::string& name = "out") const;

  /// Everything that a sweep learned, by trial; what may differ between runs (times, ranks,
  /// attempts) left out.
  nlohmann::json data(const std::string& name = "out") const;

  /// How many ends of trials the journal holds.
  std::size_t num_recorded(const std::string& name = "out") const;

 private:
  TemporaryFolder folder_;
};

}  // namespace end_to_end
