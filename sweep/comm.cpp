#include "sweep/comm.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <numeric>
#include <thread>

namespace sweep {
namespace {

constexpr int kTextTag = 1;

}  // namespace

void check_mpi(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw MpiError(std::string(call) + " failed (" + std::string(text.data()) + ")");
}

MpiSession::MpiSession() {
  int provided = MPI_THREAD_SINGLE;
  check_mpi(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SINGLE, &provided), "MPI_Init_thread");
  check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
}

MpiSession::~MpiSession() {
  MPI_Finalize();
}

std::string mpi_version() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  check_mpi(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
  const std::string version(text.data());
  return version.substr(0, version.find(','));
}

bool is_launched_by_mpi() {
  static constexpr std::array kRankVariables = {"PMIX_RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK"};
  return std::ranges::any_of(kRankVariables,
                             [](const char* name) { return std::getenv(name) != nullptr; });
}

Communicator::Communicator(MPI_Comm parent) {
  check_mpi(MPI_Comm_dup(parent, &comm_), "MPI_Comm_dup");
  check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

Communicator::~Communicator() {
  MPI_Comm_free(&comm_);
}

void Communicator::post(int rank, std::string text) {
  auto& sending = sending_.emplace_back(Sending{.text = std::move(text)});
  // drop_sent() waits for it, which the analyzer does not see.
  check_mpi(MPI_Isend(  // NOLINT(clang-analyzer-optin.mpi.MPI-Checker)
                sending.text.data(), static_cast<int>(sending.text.size()), MPI_CHAR, rank,
                kTextTag, comm_, &sending.request),
            "MPI_Isend");
}

std::optional<Envelope> Communicator::receive() {
  drop_sent();
  int has_arrived = 0;
  MPI_Message message = MPI_MESSAGE_NULL;
  MPI_Status status;
  check_mpi(MPI_Improbe(MPI_ANY_SOURCE, kTextTag, comm_, &has_arrived, &message, &status),
            "MPI_Improbe");
  if (has_arrived == 0) return std::nullopt;
  int length = 0;
  check_mpi(MPI_Get_count(&status, MPI_CHAR, &length), "MPI_Get_count");
  Envelope envelope{.rank = status.MPI_SOURCE,
                    .text = std::string(static_cast<std::size_t>(length), '\0')};
  check_mpi(MPI_Mrecv(envelope.text.data(), length, MPI_CHAR, &message, MPI_STATUS_IGNORE),
            "MPI_Mrecv");
  return envelope;
}

void Communicator::flush() {
  while (drop_sent(), !sending_.empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void Communicator::drop_sent() {
  std::erase_if(sending_, [](Sending& sending) {
    int is_sent = 0;
    check_mpi(MPI_Test(&sending.request, &is_sent, MPI_STATUS_IGNORE), "MPI_Test");
    return is_sent != 0;
  });
}

std::vector<std::string> Communicator::gather(const std::string& text) const {
  const int length = static_cast<int>(text.size());
  const std::size_t num_texts = rank_ == 0 ? static_cast<std::size_t>(size_) : 0;
  std::vector<int> lengths(num_texts);
  check_mpi(MPI_Gather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, 0, comm_), "MPI_Gather");
  std::vector<int> begins(num_texts);
  std::exclusive_scan(lengths.begin(), lengths.end(), begins.begin(), 0);
  std::string all(std::accumulate(lengths.begin(), lengths.end(), std::size_t{0}), '\0');
  check_mpi(MPI_Gatherv(text.data(), length, MPI_CHAR, all.data(), lengths.data(), begins.data(),
                        MPI_CHAR, 0, comm_),
            "MPI_Gatherv");
  std::vector<std::string> texts(num_texts);
  for (std::size_t i = 0; i < num_texts; ++i) {
    texts[i] =
        all.substr(static_cast<std::size_t>(begins[i]), static_cast<std::size_t>(lengths[i]));
  }
  return texts;
}

int Communicator::max_over_ranks(int value) const {
  int largest = value;
  check_mpi(MPI_Allreduce(&value, &largest, 1, MPI_INT, MPI_MAX, comm_), "MPI_Allreduce");
  return largest;
}

void Communicator::abort_all(int exit_code) const {
  MPI_Abort(comm_, exit_code);
  std::abort();  // MPI_Abort does not return; the compiler does not know
}

}  // namespace sweep
