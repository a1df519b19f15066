#pragma once

#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <mpi.h>

/// Messages between ranks. This pair is the one door to MPI.
namespace sweep {

class MpiError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws: MpiError with the call's name and MPI's text, unless the code is MPI_SUCCESS.
void check_mpi(int code, const char* call);

/// MPI from first to last call. Thread level single: no thread of ours calls MPI but this one.
/// Make it in the outermost function, outside the `try` (style: a failing rank aborts, it does not
/// finalize).
class MpiSession {
 public:
  MpiSession();
  ~MpiSession();
  MpiSession(const MpiSession&) = delete;
  MpiSession& operator=(const MpiSession&) = delete;
};

/// The MPI library's name and version, one line.
std::string mpi_version();

/// Whether mpirun, srun or another launcher started this process. Looks at the environment only.
bool is_launched_by_mpi();

/// Text that came from a rank.
struct Envelope {
  int rank = 0;
  std::string text = {};
};

/// A private copy of a communicator, so that our messages never meet another library's.
/// MPI: making and dropping it is collective. Throws: MpiError.
class Communicator {
 public:
  explicit Communicator(MPI_Comm parent);
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }

  /// Starts to send. Returns at once; receive() and flush() drive what is under way.
  /// MPI: local.
  void post(int rank, std::string text);

  /// The next message that has arrived, if any. Messages of one rank keep their order.
  /// MPI: local, does not wait.
  std::optional<Envelope> receive();

  /// Waits until everything posted has left, without spinning.  MPI: waits for the receivers.
  void flush();

  /// On rank 0 what each rank passed, in order of rank; nothing on the others.  MPI: collective.
  std::vector<std::string> gather(const std::string& text) const;

  /// Largest value any rank passed.  MPI: collective.
  int max_over_ranks(int value) const;

  /// Ends every rank at once with this exit code.  MPI: local, felt by all.
  [[noreturn]] void abort_all(int exit_code) const;

 private:
  struct Sending {
    std::string text = {};
    MPI_Request request = MPI_REQUEST_NULL;
  };
  void drop_sent();

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
  std::list<Sending> sending_;  // a list: MPI keeps the addresses
};

}  // namespace sweep
