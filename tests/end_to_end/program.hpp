#pragma once

#include <functional>
#include <string>
#include <vector>

#include <sys/types.h>

/// Runs programs as people do, for tests of whole processes.
namespace end_to_end {

struct Ended {
  int exit_code = -1;  ///< 128 + signal if a signal ended it
  std::string out = {};
  std::string err = {};
  long peak_kb = 0;  ///< most memory it, or a child that it waited for, had at a time
};

/// A program that runs in a session of its own. Dropping it kills it with all its descendants.
class Program {
 public:
  explicit Program(const std::vector<std::string>& command);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pid_t process() const { return process_; }

  /// Sends a signal to the program alone.
  void signal(int number) const;

  /// Kills it and everything it has started, without a chance to clean up. All are dead then, and
  /// what they had locked is free.
  void kill_all() const;

  /// Waits for its end, and for that of everybody who holds its output.
  Ended wait();

 private:
  pid_t process_ = -1;
  int out_ = -1;
  int err_ = -1;
  bool has_ended_ = false;
};

/// Waits until something is so. False if it is not within a minute, so that no test hangs.
bool wait_until(const std::function<bool()>& is_so);

/// Starts a program and waits for its end.
Ended run(const std::vector<std::string>& command);

/// All living processes that descend from one.
std::vector<pid_t> descendants_of(pid_t process);

/// The youngest of them whose command line has a part, 0 if there is none. Arguments in a command
/// line end with zeros.
pid_t find_descendant(pid_t ancestor, const std::string& part);

}  // namespace end_to_end
