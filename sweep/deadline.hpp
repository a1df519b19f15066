#pragma once

#include <optional>
#include <string>

namespace sweep {

/// When a run has to stop by itself, so that everything is saved before its job ends.
class Deadline {
 public:
  /// `end_s`: of the job, Unix time; nothing: never. `grace_s`: that a stop may take.
  Deadline(std::optional<double> end_s, double grace_s);

  bool is_set() const { return end_s_.has_value(); }

  /// Until the stop; infinite if there is none.
  double left_s() const;

  /// The end of the job in UTC; empty if there is none.
  std::string end_text() const;

 private:
  std::optional<double> end_s_;
  double grace_s_;
};

}  // namespace sweep
